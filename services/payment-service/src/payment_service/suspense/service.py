"""Say who answers for money in suspense, and use it for a bill when two people agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations import service as allocations
from payment_service.allocations.rules import AllocationReason, Counted
from payment_service.bills import rules as bill_rules
from payment_service.bills import service as bills
from payment_service.bills.rules import LockedBill
from payment_service.suspense import queries, rules
from payment_service.suspense.models import SuspenseProposal
from payment_service.suspense.queries import Item
from payment_service.suspense.rules import Counting, ProposalStatus, ProposalVerdict
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.errors import because_of
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.events.catalogue import CoverageDeclined
from perisai_kit.http.paging import Slice, cut_page, read_cursor


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal with its bill, and from when the money counts for it."""

    proposal: SuspenseProposal
    bill: LockedBill
    counting: Counting


async def suspend_declined(session: AsyncSession, answers: Sequence[CoverageDeclined]) -> None:
    """Move what member-service declined to suspense, as far as it still stands.

    Nobody need decide: the money cannot count, so it is nobody's contribution.
    """
    found = await queries.list_standing(
        session, [(each.payment_id, each.allocation_id) for each in answers]
    )
    if found:
        await allocations.suspend(session, found, AllocationReason.DECLINED)


async def list_items(
    session: AsyncSession,
    *,
    reason: AllocationReason | None,
    owner_id: UUID | None,
    is_unowned: bool,
    min_age_days: int,
    cursor: str | None,
    limit: int,
) -> Slice[Item]:
    """Return what is in suspense, the oldest first.

    Raises: CursorInvalid.
    """
    rows = await queries.list_items(
        session,
        reason=reason,
        owner_id=owner_id,
        is_unowned=is_unowned,
        before=midnight(clock.today() - timedelta(days=min_age_days - 1)),
        after_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda item: item.allocation.id)


async def get(session: AsyncSession, item_id: UUID) -> Item:
    """Return an item. Raises: SuspenseItemNotFound."""
    item = await queries.find_item(session, item_id)
    if item is None:
        raise rules.SuspenseItemNotFound
    return item


async def take_over(session: AsyncSession, item_id: UUID, *, owner_id: UUID) -> Item:
    """Let an account answer for an item.

    Raises: SuspenseItemNotFound.
    """
    await get(session, item_id)
    await queries.upsert_owner(session, item_id, owner_id=owner_id, since=clock.now())
    session.expire_all()
    return await get(session, item_id)


async def propose(session: AsyncSession, item_id: UUID, *, bill_id: UUID, by: UUID) -> Proposed:
    """Propose to use an item for a bill, which could take it now.

    Raises: SuspenseItemNotFound, SuspenseProposalOpen, SuspenseTooSmall, BillNotFound,
    BillAlreadyPaid, BillReplaced, BillVoid, BillEnded.
    """
    item = await get(session, item_id)
    with because_of("bill_id"):
        bill, counting, _ = await _check(session, item, bill_id, lock=False)
    proposal = await queries.insert_once_proposal(
        session,
        SuspenseProposal(
            id=new_id(),
            item_id=item_id,
            payment_id=item.payment.id,
            bill_id=bill_id,
            status=ProposalStatus.PROPOSED,
            proposed_by=by,
            proposed_at=clock.now(),
        ),
    )
    if proposal is None:
        raise rules.SuspenseProposalOpen
    await get(session, item_id)  # the last proposal may have used it just now
    return Proposed(proposal, bill, counting)


async def decide(
    session: AsyncSession, item_id: UUID, proposal_id: UUID, *, verdict: ProposalVerdict, by: UUID
) -> Proposed:
    """Approve or reject a proposal; an approval settles the bill.

    Raises: SuspenseProposalNotFound, SuspenseProposalDecided, OwnSuspenseProposal; as `propose`.
    """
    proposal = await queries.lock_proposal(session, item_id, proposal_id)
    if proposal is None:
        raise rules.SuspenseProposalNotFound
    rules.check_decision(proposal.status, verdict=verdict, is_own=proposal.proposed_by == by)
    now = clock.now()
    allocation_id = None
    if verdict is ProposalVerdict.APPROVED:
        allocation_id = await _use(session, await get(session, item_id), proposal, at=now)
    proposal.allocation_id = allocation_id
    proposal.status = ProposalStatus(verdict)
    proposal.decided_by, proposal.decided_at = by, now
    await session.flush()
    return await _read(session, proposal)


async def _use(
    session: AsyncSession, item: Item, proposal: SuspenseProposal, *, at: datetime
) -> UUID:
    """Use an item for the bill of a proposal; return the allocation to it."""
    bill, counting, voided = await _check(session, item, proposal.bill_id, lock=True)
    allocation_id, rest_id = await allocations.apply_suspense(
        session,
        item.allocation,
        bill=bill,
        partner_id=item.payment.partner_id,
        at=Counted(counting.counts_at, at),
    )
    if rest_id is not None and item.owner is not None:
        await queries.insert_owner(
            session, rest_id, owner_id=item.owner.owner_id, since=item.owner.owned_since
        )
    if voided:
        await execute_together(make_executor(session), bills.void_statements(voided))
    return allocation_id


async def list_proposals(session: AsyncSession, item_id: UUID) -> list[Proposed]:
    """Return the proposals for an item, the oldest first, also when it has been used.

    Raises: SuspenseItemNotFound where there never was a proposal for it, nor is it there.
    """
    found = await queries.list_proposals(session, item_id)
    if not found:
        await get(session, item_id)
    return [await _read(session, each) for each in found]


async def _check(
    session: AsyncSession, item: Item, bill_id: UUID, *, lock: bool
) -> tuple[LockedBill, Counting, Sequence[LockedBill]]:
    """Return the bill, from when the money would count, and the open bill it would make void."""
    run, now = make_executor(session), clock.now()
    bill = await bills.find_for_decision(run, bill_id, lock=lock)
    counting = rules.find_counting(bill, paid_at=item.payment.paid_at, decided_at=now)
    paid_months, open_bills = (
        await bills.read_for_late_reports(run, [bill])
        if bill_rules.is_late_report(bill)
        else ({}, {})
    )
    bill_rules.check_payable(
        bill,
        at=counting.paid_at if counting.counts_at == counting.paid_at else now,
        paid_months=paid_months.get(bill.member_id, ()),
    )
    rules.check_enough(item.allocation.amount, due=bill.amount)
    voided = [each for each in open_bills.values() if each.months & bill.months]
    return bill, counting, voided


async def _read(session: AsyncSession, proposal: SuspenseProposal) -> Proposed:
    bill = await bills.find_for_decision(make_executor(session), proposal.bill_id, lock=False)
    payment = await queries.get_payment(session, proposal.payment_id)
    decided_at = proposal.decided_at or clock.now()
    counting = rules.find_counting(bill, paid_at=payment.paid_at, decided_at=decided_at)
    return Proposed(proposal, bill, counting)
