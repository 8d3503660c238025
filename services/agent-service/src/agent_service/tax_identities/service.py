"""Tax identities: proposed by the holder or an officer, decided by another officer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.holders import queries as holder_queries
from agent_service.holders import service as holders
from agent_service.holders.rules import HolderKind
from agent_service.tax_identities import queries, rules
from agent_service.tax_identities.models import TaxIdentity
from agent_service.tax_identities.rules import TaxIdentityStatus, TaxIdentityVerdict
from agent_service.tax_identities.schemas import NewTaxIdentity
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import TaxIdentityChanged
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read


async def propose(session: AsyncSession, new: NewTaxIdentity, *, by: Principal) -> TaxIdentity:
    """Propose what holds for tax of an agent or wadah from a day on.

    Raises: HolderUnclear, AgentNotFound, WadahNotFound, Forbidden, BranchOutOfScope,
    NikStatusMisplaced, TaxIdentityProposalOpen.
    """
    holder = await holders.get_named(
        session, agent_id=new.agent_id, wadah_id=new.wadah_id, principal=by
    )
    holders.check_may_propose(holder, by)
    row = TaxIdentity(
        id=new_id(),
        holder_kind=holder.kind,
        holder_id=holder.id,
        npwp=new.npwp,
        nik_status=rules.find_nik_status(holder.kind, new.nik_status),
        holds_from=new.holds_from,
        status=TaxIdentityStatus.PROPOSED,
        proposed_by=by.account_id,
        proposed_at=clock.now(),
    )
    proposed = await insert_once(session, row)
    if proposed is None:
        raise rules.TaxIdentityProposalOpen
    _audit_read([proposed])
    return proposed


async def decide(
    session: AsyncSession,
    tax_identity_id: UUID,
    *,
    verdict: TaxIdentityVerdict,
    by: Principal,
) -> TaxIdentity:
    """Approve or reject a proposal, and publish an approved one.

    Raises: TaxIdentityNotFound, OwnCase, BranchOutOfScope, TaxIdentityDecided,
    OwnTaxIdentityProposal.
    """
    seen = holder_queries.is_visible_to(by, TaxIdentity.holder_id)
    proposed = await queries.get_visible(session, tax_identity_id, seen, lock=True)
    holder = await holders.get(session, proposed.holder_kind, proposed.holder_id, principal=by)
    holders.check_may_decide(holder, by)
    is_own = proposed.proposed_by == by.account_id
    rules.check_decision(proposed.status, verdict=verdict, is_own=is_own)
    now = clock.now()
    proposed.status = TaxIdentityStatus(verdict)
    proposed.decided_by, proposed.decided_at = by.account_id, now
    await session.flush()
    if verdict is TaxIdentityVerdict.APPROVED:
        changed = TaxIdentityChanged(
            holder_kind=holder.kind.value,
            holder_id=holder.id,
            tax_identity_id=proposed.id,
            holds_from=proposed.holds_from,
            decided_at=now,
        )
        await publish(session, changed)
    return proposed


async def get_visible(
    session: AsyncSession, tax_identity_id: UUID, *, principal: Principal
) -> TaxIdentity:
    """Return a tax identity that the subject may see. Raises: TaxIdentityNotFound."""
    seen = holder_queries.is_visible_to(principal, TaxIdentity.holder_id)
    found = await queries.get_visible(session, tax_identity_id, seen)
    _audit_read([found])
    return found


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    holder_id: UUID | None,
    status: TaxIdentityStatus | None,
    cursor: str | None,
    limit: int,
) -> Slice[TaxIdentity]:
    """Return one page of the tax identities a subject may see, the latest proposed first."""
    rows = await queries.list_page(
        session,
        seen=holder_queries.is_visible_to(principal, TaxIdentity.holder_id),
        holder_id=holder_id,
        status=status,
        before=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    _audit_read(page.items)
    return page


async def find_holding(
    session: AsyncSession, holder_ids: Collection[UUID], *, on: date
) -> Mapping[UUID, TaxIdentity]:
    """Return what holds on a day of each of these holders of whom something is known."""
    found = await queries.list_holding(session, holder_ids, on=on)
    return {each.holder_id: each for each in found}


def _audit_read(found: Sequence[TaxIdentity]) -> None:
    audit_read(each.holder_id for each in found if each.holder_kind is HolderKind.AGENT)
