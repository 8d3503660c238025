"""Show payouts: to officers all of them, to agents and wadahs their own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind, find_own
from payment_service.payout_confirmations import service as confirmations
from payment_service.payout_lists import queries
from payment_service.payout_lists.queries import ItemSum, PartSum
from payment_service.payout_runs import service as runs
from payment_service.payout_transfers import queries as transfers
from payment_service.payout_transfers.models import PayoutTransfer, PayoutTransferChange
from payment_service.payouts import queries as payout_queries
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutNotFound, PayoutPayee, PayoutStatus
from perisai_kit.auth.principal import Principal
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read
from perisai_kit.services.names.agents import AgentsClient


@dataclass(frozen=True, slots=True)
class PayoutSeen:
    """A payout with its statements, its attempts and every change of them."""

    payout: Payout
    items: Sequence[PayoutItem]
    transfers: Sequence[PayoutTransfer]
    changes: Sequence[PayoutTransferChange]


@dataclass(frozen=True, slots=True)
class OwnPayout:
    """A payout, and the part of it that is one's own.

    is_received: what an agent said last of a payout to their wadah; None: nothing.
    """

    payout: Payout
    sums: ItemSum
    paid_on: date | None
    is_received: bool | None


@dataclass(frozen=True, slots=True)
class OwnPart:
    """What a wadah is paid for one agent. is_received: as the agent said last; None: nothing."""

    sums: PartSum
    is_received: bool | None


async def get(session: AsyncSession, payout_id: UUID) -> PayoutSeen:
    """Return a payout with all that happened to it, and record the reading.

    Raises: PayoutNotFound.
    """
    payout = await queries.find_payout(session, payout_id)
    if payout is None:
        raise PayoutNotFound
    items = await payout_queries.list_items(session, payout_id)
    _audit_read([payout])
    audit_read([each.beneficiary_id for each in items if each.beneficiary_kind == "agent"])
    return PayoutSeen(
        payout=payout,
        items=items,
        transfers=await transfers.list_of_payout(session, payout_id),
        changes=await transfers.list_changes(session, payout_id),
    )


async def list_payouts(
    session: AsyncSession,
    *,
    status: PayoutStatus | None,
    payee_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Slice[Payout]:
    """Return payouts, the latest first, and record the reading. Raises: CursorInvalid."""
    rows = await queries.list_payouts(
        session,
        status=status,
        payee_id=payee_id,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return _page(rows, limit)


async def list_of_run(
    session: AsyncSession,
    run_id: UUID,
    *,
    status: PayoutStatus | None,
    cursor: str | None,
    limit: int,
) -> Slice[Payout]:
    """Return the payouts of a run, the latest first, and record the reading.

    Raises: PayoutRunNotFound, CursorInvalid.
    """
    before_id = read_cursor(cursor, UUID)
    await runs.get(session, run_id)
    rows = await queries.list_payouts(
        session, run_id=run_id, status=status, before_id=before_id, limit=limit + 1
    )
    return _page(rows, limit)


async def list_own(
    session: AsyncSession,
    principal: Principal,
    wanted: BeneficiaryKind | None,
    *,
    cursor: str | None,
    limit: int,
) -> Slice[OwnPayout]:
    """Return what the agent or wadah of a principal is paid, the latest first.

    For an agent also what their wadah is paid for them. Withdrawn ones are left out.
    Raises: BeneficiaryNotFound, CursorInvalid.
    """
    kind, own_id = find_own(principal, wanted)
    is_agent = kind is BeneficiaryKind.AGENT
    before_id = read_cursor(cursor, UUID)
    condition = queries.for_beneficiary(own_id) if is_agent else queries.of_payee(own_id)
    rows = await queries.list_payouts(
        session,
        condition,
        Payout.withdrawn_at.is_(None),
        before_id=before_id,
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    ids = [each.id for each in page.items]
    beneficiary_id = own_id if is_agent else None
    sums = await queries.sum_items(session, ids, beneficiary_id=beneficiary_id)
    answers = await confirmations.find_answers(session, ids, [own_id]) if is_agent else {}
    days = await transfers.find_paid_days(session, ids)
    shown = [
        OwnPayout(each, sums[each.id], days.get(each.id), answers.get((each.id, own_id)))
        for each in page.items
    ]
    return Slice(shown, page.next_cursor)


async def list_own_parts(
    session: AsyncSession,
    principal: Principal,
    payout_id: UUID,
    *,
    cursor: str | None,
    limit: int,
) -> Slice[OwnPart]:
    """Return what the wadah of a principal is paid for each of its agents in a payout, by agent.

    Records the reading. Raises: PayoutNotFound, CursorInvalid.
    """
    payout = await queries.find_payout(session, payout_id)
    if payout is None or payout.payee_id != principal.wadah_id or payout.withdrawn_at is not None:
        raise PayoutNotFound
    rows = await queries.list_parts(
        session, payout_id, after_id=read_cursor(cursor, UUID), limit=limit + 1
    )
    page = cut_page(rows, limit, key=lambda row: row.agent_id)
    ids = [each.agent_id for each in page.items]
    audit_read(ids)
    answers = await confirmations.find_answers(session, [payout_id], ids)
    parts = [OwnPart(each, answers.get((payout_id, each.agent_id))) for each in page.items]
    return Slice(parts, page.next_cursor)


async def find_names(agents: AgentsClient, payouts: Iterable[Payout]) -> Mapping[UUID, str]:
    """Return the names of payees by id; no transaction may be open."""
    found = [(each.payee_kind, each.payee_id) for each in payouts]
    names = dict[UUID, str]()
    if agent_ids := [id_ for kind, id_ in found if kind is PayoutPayee.AGENT]:
        names |= await agents.find_names(agent_ids)
    if wadah_ids := [id_ for kind, id_ in found if kind is PayoutPayee.WADAH]:
        names |= await agents.find_wadah_names(wadah_ids)
    return names


def _page(rows: Sequence[Payout], limit: int) -> Slice[Payout]:
    page = cut_page(rows, limit, key=lambda row: row.id)
    _audit_read(page.items)
    return page


def _audit_read(payouts: Iterable[Payout]) -> None:
    """Record the reading of agents' payouts; a wadah is no person."""
    audit_read([each.payee_id for each in payouts if each.payee_kind is PayoutPayee.AGENT])
