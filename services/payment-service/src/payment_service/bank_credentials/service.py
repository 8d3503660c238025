"""Replace credentials of a bank partner as two people decide; the previous ones end later."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_credentials import queries, rules
from payment_service.bank_credentials.models import CredentialChange
from payment_service.bank_credentials.rules import ChangeStatus, ChangeVerdict
from payment_service.bank_credentials.schemas import NewCredentialChange
from payment_service.bank_history import service as history
from payment_service.bank_history.rules import PartnerChangeKind as Kind
from payment_service.bank_history.rules import Snapshot
from payment_service.banks import rules as bank_rules
from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.banks.service import SECRET_BYTES
from perisai_kit.domain import clock
from perisai_kit.domain.errors import at_fields
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.runtime.log import get_logger

log = get_logger()


async def propose(
    session: AsyncSession, new: NewCredentialChange, *, partner_id: UUID, by: UUID
) -> CredentialChange:
    """Propose to replace credentials of a partner; another person decides.

    Raises: BankPartnerNotFound, BankKeyUnusable, SourceUnusable, CredentialsUnchanged,
    CredentialChangeOpen.
    """
    partner = await banks.get(session, partner_id)
    if new.public_key_pem is not None:
        bank_rules.check_public_key(new.public_key_pem)
    bank_rules.sources(new.allowed_sources or ())
    change = CredentialChange(id=new_id(), partner_id=partner_id, overlap_days=new.overlap_days)
    change.public_key_pem = new.public_key_pem
    if new.replaces_client_secret or new.client_secret is not None:
        change.client_secret = new.client_secret or secrets.token_urlsafe(SECRET_BYTES)
    if new.allowed_sources is not None:
        change.allowed_sources = list(new.allowed_sources)
    _check_change(change, partner)
    change.status, change.proposed_by, change.proposed_at = ChangeStatus.PROPOSED, by, clock.now()
    made = await queries.insert_once_change(session, change)
    if made is None:
        raise rules.CredentialChangeOpen
    history.record(
        session, Kind.CREDENTIALS_PROPOSED, before=None, after=_describe(made, partner), by=by
    )
    log.info("bank_credential_change.proposed", partner_id=str(partner_id), change_id=str(made.id))
    return made


async def list_changes(
    session: AsyncSession, *, partner_id: UUID, cursor: str | None, limit: int
) -> Slice[CredentialChange]:
    """Return the proposals for a partner, the newest first.

    Raises: BankPartnerNotFound, CursorInvalid.
    """
    await banks.get(session, partner_id)
    before = read_cursor(cursor, UUID)
    rows = await queries.list_page(session, partner_id, before=before, limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id)


async def decide(
    session: AsyncSession, *, partner_id: UUID, change_id: UUID, verdict: ChangeVerdict, by: UUID
) -> CredentialChange:
    """Approve or reject a proposal. What is approved is in use at once.

    Raises: CredentialChangeNotFound, CredentialChangeDecided, OwnCredentialChange,
    CredentialsOverlap.
    """
    partner = await banks.lock(session, partner_id)
    change = await _lock(session, partner_id, change_id)
    rules.check_decision(change.status, verdict=verdict, is_own=change.proposed_by == by)
    before, kind = partner.describe(), Kind.CREDENTIALS_REJECTED
    if verdict is ChangeVerdict.APPROVED:
        kind = Kind.CREDENTIALS_APPROVED
        # Tokens and messages of banks have real time.
        now = clock.real_now()
        change.previous_until = now + timedelta(days=change.overlap_days)
        _replace(partner, change, now=now)
        _end_previous(partner, change, until=change.previous_until)
    change.status = ChangeStatus(verdict)
    change.decided_by, change.decided_at = by, clock.now()
    history.record(session, kind, before=before, after=partner.describe(), by=by)
    await session.flush()
    log.info(
        "bank_credential_change.decided",
        partner_id=str(partner_id),
        change_id=str(change_id),
        verdict=verdict.value,
    )
    return change


async def end(
    session: AsyncSession, *, partner_id: UUID, change_id: UUID, by: UUID
) -> CredentialChange:
    """End the previous credentials of an approved change now, as when a key was stolen.

    One person suffices, because it protects.
    Raises: CredentialChangeNotFound, CredentialChangeEnded.
    """
    partner = await banks.lock(session, partner_id)
    change = await _lock(session, partner_id, change_id)
    now = clock.real_now()
    rules.check_running(change.previous_until, now=now)
    before = partner.describe()
    _end_previous(partner, change, until=now)
    change.previous_until, change.ended_by = now, by
    history.record(session, Kind.CREDENTIALS_ENDED, before=before, after=partner.describe(), by=by)
    await session.flush()
    log.info("bank_credential_change.ended", partner_id=str(partner_id), change_id=str(change_id))
    return change


async def list_ending(session: AsyncSession, *, before: datetime) -> list[tuple[UUID, datetime]]:
    """Return the partners with previous credentials that are valid now but end before then."""
    now = clock.real_now()
    return [
        (partner.id, until)
        for partner in await banks.list_known(session)
        for until in partner.list_previous_ends()
        if now < until < before
    ]


async def _lock(session: AsyncSession, partner_id: UUID, change_id: UUID) -> CredentialChange:
    change = await queries.lock_change(session, partner_id, change_id)
    if change is None:
        raise rules.CredentialChangeNotFound
    return change


def _describe(change: CredentialChange, partner: BankPartner) -> Snapshot:
    """Return what is proposed, as a partner's history names it."""
    pem = change.public_key_pem
    values: dict[str, object] = {"overlap_days": change.overlap_days}
    if pem is not None:
        values["public_key_sha256"] = bank_rules.hash_public_key(pem)
    if change.allowed_sources is not None:
        values["allowed_sources"] = change.allowed_sources
    return Snapshot(
        partner_id=partner.id,
        version=partner.version,
        values=values,
        secrets={"client_secret": change.client_secret},
    )


def _replace(partner: BankPartner, change: CredentialChange, *, now: datetime) -> None:
    if change.public_key_pem is not None:
        rules.check_overlap(partner.previous_public_key_until, now=now)
        partner.previous_public_key_pem = partner.public_key_pem
        partner.public_key_pem = change.public_key_pem
    if change.client_secret is not None:
        rules.check_overlap(partner.previous_client_secret_until, now=now)
        partner.previous_client_secret = partner.client_secret
        partner.client_secret = change.client_secret
    if change.allowed_sources is not None:
        rules.check_overlap(partner.previous_sources_until, now=now)
        partner.previous_allowed_sources = partner.allowed_sources
        partner.allowed_sources = change.allowed_sources


def _end_previous(partner: BankPartner, change: CredentialChange, *, until: datetime) -> None:
    if change.public_key_pem is not None:
        partner.previous_public_key_until = until
    if change.client_secret is not None:
        partner.previous_client_secret_until = until
    if change.allowed_sources is not None:
        partner.previous_sources_until = until
    partner.version += 1


def _check_change(change: CredentialChange, partner: BankPartner) -> None:
    kinds = ("public_key_pem", "client_secret", "allowed_sources")
    given = [each for each in kinds if getattr(change, each) is not None]
    if all(getattr(change, each) == getattr(partner, each) for each in given):
        raise at_fields(rules.CredentialsUnchanged, *(given or kinds))
