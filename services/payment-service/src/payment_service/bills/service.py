"""Ask a member for money, and keep the one truth of whether it was paid."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import true
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import service as attributions
from payment_service.attributions.service import Attributed
from payment_service.bills import queries, rules
from payment_service.bills.models import Bill
from payment_service.bills.people import name_members
from payment_service.bills.rules import BillStatus, LockedBill, VoidReason
from payment_service.bills.schemas import (
    BillLineOut,
    BillOut,
    BillSummary,
    NewBill,
    VirtualAccountOut,
)
from payment_service.clients.members import ContributionBasis
from payment_service.quotes import service as quotes
from payment_service.quotes.rules import DeclarationNeeded, Limits, Priced
from payment_service.settings import Settings
from payment_service.virtual_accounts import service as virtual_accounts
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import CountedStatement, Executor, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.errors import together
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date, midnight
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import BillEnded, BillIssued, BillReplaced, BillVoided
from perisai_kit.events.outbox import publish, publish_statement
from perisai_kit.http.visibility import record_shown
from perisai_kit.privacy.masks import mask_name

SHOWN_AS = "bill"
"""The kind under which a kept answer names the bills it is about."""


class Drafted(NamedTuple):
    """A bill that is about to be issued, with its price.

    place: of what asked for it in the request, with a dot at its end; "" is the request itself.
    """

    bill: Bill
    priced: Priced
    place: str


def draft(
    basis: ContributionBasis,
    asked: NewBill,
    *,
    place: str,
    order_id: UUID,
    by: UUID,
    limits: Limits,
    settings: Settings,
) -> Drafted:
    """Draw up a bill as a snapshot of the member and of the tariff.

    Raises: MonthNotBillable, MemberDeceased, MemberOverAge, DeclarationNeeded; NoTariff,
    IncomeBelowMinimum, MandatoryProgrammeMissing, JhtMandatory.
    """
    priced = quotes.price_months(
        basis, limits, settings, first_month=asked.first_month, month_count=asked.month_count
    )
    chosen = priced.chosen
    if chosen.declaration_needed:
        raise DeclarationNeeded(field="member_id")
    bill = Bill(
        id=new_id(),
        order_id=order_id,
        member_id=basis.member_id,
        status=BillStatus.OPEN,
        display_name=basis.display_name,
        sector=basis.sector,
        declared_income=basis.declared_income,
        employs_others=basis.employs_others,
        payer=basis.payer,
        first_month=chosen.months[0],
        month_count=len(chosen.months),
        amount=priced.amount,
        relief_amount=priced.relief_amount,
        issued_at=limits.at,
        issued_by=by,
        expires_at=rules.find_end(
            limits.at, valid_h=settings.bill_valid_h, pay_before=chosen.pay_before
        ),
    )
    return Drafted(bill, priced, place)


async def lock_members(
    session: AsyncSession, bases: Mapping[UUID, ContributionBasis]
) -> dict[UUID, Bill]:
    """Let nobody else issue a bill of these members, and return their open bills, locked.

    Who issues must see the bill even before the feed delivers the attribution of the member.
    """
    await attributions.take(
        session,
        [Attributed(each.member_id, each.attribution_no, each.periods) for each in bases.values()],
    )
    # A payment locks its bills before their members.
    await queries.lock_open_bills(session, bases)
    await queries.lock_members(make_executor(session), bases)
    return await queries.lock_open_bills(session, bases)


async def issue(
    session: AsyncSession,
    drafts: Sequence[Drafted],
    bases: Mapping[UUID, ContributionBasis],
    *,
    previous: Mapping[UUID, Bill],
) -> dict[UUID, UUID]:
    """Issue bills in the place of the open ones of their members; their order is inserted.

    previous: as `lock_members` returned them. Return which bill each one replaces, by its id.
    Raises: MonthAlreadyBilled.
    """
    await _check_unpaid(session, drafts, bases)
    replaced = await _replace(session, drafts, previous)
    await queries.insert_bills(session, [(each.bill, each.priced.lines) for each in drafts])
    await publish(session, *(_issued(each.bill) for each in drafts))
    record_shown(session, kind=SHOWN_AS, ids=[each.bill.id for each in drafts])
    return replaced


async def get(session: AsyncSession, principal: Principal, bill_id: UUID) -> BillOut:
    """Return a bill the subject may see. Raises: BillNotFound."""
    bill = await queries.find_bill(session, bill_id, visible(principal, Bill))
    if bill is None:
        raise rules.BillNotFound
    return await read(session, bill, viewer=principal)


async def cancel(
    session: AsyncSession, principal: Principal, bill_id: UUID, *, reason: VoidReason
) -> BillOut:
    """Make an open bill void, so that nobody pays it any more.

    Raises: BillNotFound, BillAlreadyPaid, BillReplaced, BillVoid, BillEnded.
    """
    if await queries.find_bill(session, bill_id, visible(principal, Bill)) is None:
        raise rules.BillNotFound
    (bill,) = await queries.lock_bills(session, Bill.id == bill_id)
    rules.check_open(bill.status)
    await _void(session, bill, reason, by=principal.account_id, now=clock.now())
    record_shown(session, kind=SHOWN_AS, ids=[bill.id])
    return await read(session, bill, viewer=principal)


async def check_visibility(session: AsyncSession, viewer: Principal, ids: Sequence[UUID]) -> None:
    """Refuse what a kept answer says of bills whose members are in other hands now.

    Raises: BillNotFound.
    """
    for bill_id in ids:
        if await queries.find_bill(session, bill_id, visible(viewer, Bill)) is None:
            raise rules.BillNotFound


async def list_of_order(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> tuple[list[BillSummary], bool]:
    """Return the bills of an order that the subject may see, and whether all names are whole."""
    found = await queries.list_of_order(session, order_id, visible(principal, Bill))
    names = await name_members(session, principal, found)
    are_whole = all(names[bill.id] == bill.display_name for bill in found)
    return [_summary(bill, clock.now(), names[bill.id]) for bill in found], are_whole


async def rename(session: AsyncSession, names: Mapping[UUID, str]) -> list[Bill]:
    """Put members' names on all their bills; return those that can still be paid, or late."""
    renamed = await queries.lock_bills(session, Bill.member_id.in_(names))
    for bill in renamed:
        bill.display_name = names[bill.member_id]
    await session.flush()
    return [bill for bill in renamed if bill.status is not BillStatus.PAID]


async def list_statuses(session: AsyncSession, order_id: UUID) -> set[BillStatus]:
    """Return the statuses that are shown now of all bills of an order."""
    now = clock.now()
    found = await queries.list_of_order(session, order_id, true())
    return {rules.shown_status(each.status, expires_at=each.expires_at, at=now) for each in found}


async def find_for_decision(run: Executor, bill_id: UUID, *, lock: bool) -> LockedBill:
    """Return a bill that two people want to use money for. lock: until the transaction ends.

    Raises: BillNotFound.
    """
    bill = await queries.find_locked(run, bill_id, lock=lock)
    if bill is None:
        raise rules.BillNotFound
    return bill


async def read_for_late_reports(
    run: Executor, late: Sequence[LockedBill]
) -> tuple[dict[UUID, set[Month]], dict[UUID, LockedBill]]:
    """Return what decides over money for bills that are not open any more, by member.

    The months that other bills of the members paid since, and their open bills. The members and
    then these bills are locked after the bills of the payments: where that crosses another batch,
    one of both is tried again. Without the lock of the member, two late reports of payments for the
    same months would not see each other, nor would a bill see the one that pays its months.
    """
    members = {bill.member_id for bill in late}
    await queries.lock_members(run, members)
    open_bills = await queries.lock_open_of_members(run, members)
    return await queries.list_paid_besides(run, late), open_bills


def void_statements(bills: Sequence[LockedBill]) -> list[CountedStatement]:
    """Return the statements that withdraw open bills whose months were paid by others just now."""
    if not bills:
        return []
    reason = VoidReason.MONTHS_PAID
    ids = [bill.id for bill in bills]
    return [
        queries.void_statement(ids, at=clock.now(), reason=reason),
        publish_statement(
            [
                BillVoided(bill_id=bill.id, member_id=bill.member_id, reason_code=reason)
                for bill in bills
            ]
        ),
    ]


async def get_snapshot(session: AsyncSession, bill_id: UUID) -> Bill:
    """Return a bill for a caller that has already decided who may see it.

    Raises: BillNotFound.
    """
    bill = await session.get(Bill, bill_id)
    if bill is None:
        raise rules.BillNotFound
    return bill


async def end_overdue(session: AsyncSession, *, late_notice_h: int, limit: int) -> int:
    """End open bills that nobody can pay any more; return how many.

    late_notice_h: hours after the end of a bill in which a bank may still report a payment that
    was made in time.
    """
    through = clock.now() - timedelta(hours=late_notice_h)
    bills = await queries.lock_ended_bills(session, through=through, limit=limit)
    await _end(session, bills)
    return len(bills)


async def void_of_member(session: AsyncSession, member_id: UUID) -> None:
    """Withdraw a member's open bill, because the registration ends.

    A bill past its end stays: a bank may still report a payment that was made in time.
    """
    bill = (await queries.lock_open_bills(session, [member_id])).get(member_id)
    now = clock.now()
    if bill is not None and bill.expires_at > now:
        await _void(session, bill, VoidReason.REGISTRATION_ENDED, by=None, now=now)


async def withdraw_unpayable(
    session: AsyncSession, bases: Mapping[UUID, ContributionBasis]
) -> None:
    """Withdraw the open bills of members that could not be issued by what is known now.

    A bill past its end stays: a bank may still report a payment that was made in time.
    """
    found = await queries.lock_open_bills(session, bases)
    months: dict[UUID, set[Month]] = {bill.id: set() for bill in found.values()}
    for line in await queries.list_lines_of(session, months) if months else ():
        months[line.bill_id].add(line.month)
    now = clock.now()
    for member_id, bill in found.items():
        reason = rules.find_void_reason(
            sorted(months[bill.id]), expires_at=bill.expires_at, billable=bases[member_id]
        )
        if reason is not None and bill.expires_at > now:
            await _void(session, bill, reason, by=None, now=now)


async def _check_unpaid(
    session: AsyncSession, drafts: Sequence[Drafted], bases: Mapping[UUID, ContributionBasis]
) -> None:
    # member-service may not know of a payment yet that we have booked. The open bills are locked
    # before, so that payments of them have ended. An allocation by decision counts from midnight.
    since = {
        member_id: midnight(jakarta_date(basis.settled_since)) if basis.settled_since else None
        for member_id, basis in bases.items()
    }
    paid = await queries.list_paid_months(session, since)
    errors = [
        rules.MonthAlreadyBilled(field=f"{place}first_month", months=list(map(str, taken)))
        for bill, priced, place in drafts
        if (taken := [each for each in priced.chosen.months if each in paid[bill.member_id]])
    ]
    if errors:
        raise together(errors)


async def _replace(
    session: AsyncSession, drafts: Sequence[Drafted], previous: Mapping[UUID, Bill]
) -> dict[UUID, UUID]:
    """Let new bills take the place of open ones; return which could still be paid, by the new."""
    newer: dict[UUID, Bill] = {}
    over: list[Bill] = []
    for bill, _, _ in drafts:
        earlier = previous.get(bill.member_id)
        if earlier is not None and earlier.expires_at <= bill.issued_at:
            over.append(earlier)
        elif earlier is not None:
            newer[earlier.id] = bill
    await _end(session, over)
    if newer:
        await queries.replace_bills(session, newer)
        await publish(
            session,
            *(
                BillReplaced(bill_id=id_, member_id=bill.member_id, replaced_by=bill.id)
                for id_, bill in newer.items()
            ),
        )
        for earlier in previous.values():
            session.expire(earlier)  # written past the session's objects
    return {bill.id: id_ for id_, bill in newer.items()}


async def _void(
    session: AsyncSession, bill: Bill, reason: VoidReason, *, by: UUID | None, now: datetime
) -> None:
    bill.status = BillStatus.VOID
    bill.withdrawn_at, bill.withdrawn_by = now, by
    bill.void_reason = reason
    await session.flush()
    await publish(
        session, BillVoided(bill_id=bill.id, member_id=bill.member_id, reason_code=reason)
    )


async def _end(session: AsyncSession, bills: Sequence[Bill]) -> None:
    if not bills:
        return
    for bill in bills:
        rules.check_open(bill.status)
        bill.status = BillStatus.ENDED
    await session.flush()
    await publish(
        session, *(BillEnded(bill_id=bill.id, member_id=bill.member_id) for bill in bills)
    )


def _issued(bill: Bill) -> BillIssued:
    return BillIssued(
        bill_id=bill.id,
        order_id=bill.order_id,
        member_id=bill.member_id,
        first_month=bill.first_month,
        month_count=bill.month_count,
        amount=bill.amount,
        expires_at=bill.expires_at,
    )


async def read(session: AsyncSession, bill: Bill, *, viewer: Principal | None = None) -> BillOut:
    """Return a bill for a caller that has decided who may see it.

    viewer: sees the name as far as they may; None: masked.
    """
    name = mask_name(bill.display_name)
    if viewer is not None:
        name = (await name_members(session, viewer, [bill]))[bill.id]
    lines = await queries.list_lines(session, bill.id)
    accounts = await virtual_accounts.list_accounts(session, bill.order_id)
    return BillOut(
        **dict(_summary(bill, clock.now(), name)),
        lines=[BillLineOut.model_validate(line) for line in lines],
        virtual_accounts=[VirtualAccountOut.model_validate(account) for account in accounts],
    )


def _summary(bill: Bill, now: datetime, name: str) -> BillSummary:
    status = rules.shown_status(bill.status, expires_at=bill.expires_at, at=now)
    shown = {"status": status, "display_name": name}
    return BillSummary.model_validate(bill).model_copy(update=shown)
