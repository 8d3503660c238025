"""Changes of a bank's credentials over HTTP: two people of the whole country decide on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from payment_service.bank_credentials import service
from payment_service.bank_credentials.models import CredentialChange
from payment_service.bank_credentials.rules import (
    CredentialChangeDecided,
    CredentialChangeEnded,
    CredentialChangeNotFound,
    CredentialChangeOpen,
    CredentialsOverlap,
    CredentialsUnchanged,
    OwnCredentialChange,
)
from payment_service.bank_credentials.schemas import (
    CredentialChangeDecision,
    CredentialChangeOut,
    CredentialChangeProposed,
    NewCredentialChange,
)
from payment_service.banks.rules import (
    BankKeyUnusable,
    BankPartnerNotFound,
    SourceUnusable,
)
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import PartnerId

router = APIRouter(
    prefix="/v1/bank-partners/{partner_id}/credential-changes",
    tags=["bank partners"],
    route_class=TransactionRoute,
)
BankReader = Annotated[Principal, Depends(require(Role.ADMIN, Role.FINANCE_OFFICER))]
Treasurer = Annotated[
    Principal, Depends(require(Role.ADMIN, Role.FINANCE_OFFICER, scope=ScopeKind.COUNTRY))
]
ChangeId = Annotated[UUID, Path(description="Id of the change.")]


@router.post(
    "",
    status_code=201,
    responses=problems(
        BankPartnerNotFound,
        BankKeyUnusable,
        SourceUnusable,
        CredentialsUnchanged,
        CredentialChangeOpen,
    ),
)
async def propose_credential_change(
    partner_id: PartnerId, new: NewCredentialChange, session: Session, treasurer: Treasurer
) -> CredentialChangeProposed:
    """Propose to replace a bank's key, client secret or source addresses; another person decides.

    A new client secret is in this answer and in no other. The bank stays active meanwhile.
    """
    change = await service.propose(session, new, partner_id=partner_id, by=treasurer.account_id)
    shown = _show(change).model_dump()
    return CredentialChangeProposed(**shown, client_secret=change.client_secret)


@router.get("", responses=problems(BankPartnerNotFound))
async def list_credential_changes(
    partner_id: PartnerId,
    session: ReadSession,
    _: BankReader,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[CredentialChangeOut]:
    """List the changes of a bank's credentials, newest first, without any secret."""
    found = await service.list_changes(session, partner_id=partner_id, cursor=cursor, limit=limit)
    return found.page(_show)


@router.post(
    "/{credential_change_id}/decision",
    responses=problems(
        BankPartnerNotFound,
        CredentialChangeNotFound,
        CredentialChangeDecided,
        OwnCredentialChange,
        CredentialsOverlap,
    ),
)
async def decide_credential_change(
    partner_id: PartnerId,
    credential_change_id: ChangeId,
    decision: CredentialChangeDecision,
    session: Session,
    treasurer: Treasurer,
) -> CredentialChangeOut:
    """Approve or reject a change; who proposed it may only reject it.

    What is approved is in use at once, and the previous credentials are valid for `overlap_days`.
    """
    change = await service.decide(
        session,
        partner_id=partner_id,
        change_id=credential_change_id,
        verdict=decision.verdict,
        by=treasurer.account_id,
    )
    return _show(change)


@router.post(
    "/{credential_change_id}/ending",
    responses=problems(BankPartnerNotFound, CredentialChangeNotFound, CredentialChangeEnded),
)
async def end_previous_credentials(
    partner_id: PartnerId, credential_change_id: ChangeId, session: Session, treasurer: Treasurer
) -> CredentialChangeOut:
    """End the previous credentials now, because the bank uses the new ones or a key was stolen."""
    change = await service.end(
        session, partner_id=partner_id, change_id=credential_change_id, by=treasurer.account_id
    )
    return _show(change)


def _show(change: CredentialChange) -> CredentialChangeOut:
    return CredentialChangeOut(
        id=change.id,
        partner_id=change.partner_id,
        public_key_pem=change.public_key_pem,
        replaces_client_secret=change.client_secret is not None,
        allowed_sources=change.allowed_sources,
        overlap_days=change.overlap_days,
        status=change.status,
        proposed_by=change.proposed_by,
        proposed_at=change.proposed_at,
        decided_by=change.decided_by,
        decided_at=change.decided_at,
        previous_until=change.previous_until,
        ended_by=change.ended_by,
    )
