"""Tax identities over HTTP: proposed, and decided by another person."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from agent_service.agents.rules import AgentNotFound, OwnCase
from agent_service.branches.rules import BranchOutOfScope
from agent_service.dependencies import HolderReader, Identifier, Officer, Proposer
from agent_service.holders.rules import HolderUnclear
from agent_service.tax_identities import service
from agent_service.tax_identities.rules import (
    NikStatusMisplaced,
    OwnTaxIdentityProposal,
    TaxIdentityDecided,
    TaxIdentityNotFound,
    TaxIdentityProposalOpen,
    TaxIdentityStatus,
)
from agent_service.tax_identities.schemas import (
    NewTaxIdentity,
    TaxIdentityDecision,
    TaxIdentityNumberOut,
    TaxIdentityOut,
)
from agent_service.wadahs.rules import WadahNotFound
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(
    prefix="/v1/tax-identities", tags=["tax identities"], route_class=TransactionRoute
)
reading = APIRouter(prefix="/v1/tax-identities", tags=["tax identities"], route_class=ReadRoute)

TaxIdentityId = Annotated[UUID, Path(description="Id of the tax identity.")]


@router.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        HolderUnclear,
        AgentNotFound,
        WadahNotFound,
        BranchOutOfScope,
        NikStatusMisplaced,
        TaxIdentityProposalOpen,
    ),
)
async def propose(body: NewTaxIdentity, session: Session, proposer: Proposer) -> TaxIdentityOut:
    """Propose NPWP and NIK status of yourself, your wadah, or one in your scope."""
    return TaxIdentityOut.model_validate(await service.propose(session, body, by=proposer))


@reading.get("")
async def list_tax_identities(
    session: ReplicaSession,
    principal: HolderReader,
    holder_id: Annotated[UUID | None, Query(description="Only of this agent or wadah.")] = None,
    status: Annotated[TaxIdentityStatus | None, Query(description="Only in this status.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TaxIdentityOut]:
    """List the tax identities you may see, earlier and proposed ones too, the latest first."""
    found = await service.list_visible(
        session,
        principal=principal,
        holder_id=holder_id,
        status=status,
        cursor=cursor,
        limit=limit,
    )
    return found.page(TaxIdentityOut.model_validate)


@reading.get("/{tax_identity_id}/identity", responses=problems(TaxIdentityNotFound))
async def get_number(
    tax_identity_id: TaxIdentityId, session: ReadSession, reader: Identifier
) -> TaxIdentityNumberOut:
    """Return the NPWP unmasked. Every reading is recorded."""
    found = await service.get_visible(session, tax_identity_id, principal=reader)
    return TaxIdentityNumberOut.model_validate(found)


@router.post(
    "/{tax_identity_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        TaxIdentityNotFound,
        OwnCase,
        BranchOutOfScope,
        TaxIdentityDecided,
        OwnTaxIdentityProposal,
    ),
)
async def decide(
    tax_identity_id: TaxIdentityId,
    body: TaxIdentityDecision,
    session: Session,
    officer: Officer,
) -> TaxIdentityOut:
    """Approve or reject a proposed tax identity; who proposed it may only reject it."""
    decided = await service.decide(session, tax_identity_id, verdict=body.verdict, by=officer)
    return TaxIdentityOut.model_validate(decided)
