"""Ask a member for money, and keep the one truth of whether it was paid."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import service as attributions
from payment_service.attributions.service import Attributed
from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.bills import queries, rules
from payment_service.bills.models import Bill, BillLine, VirtualAccount
from payment_service.bills.rules import BillStatus, CancellationReason, LockedBill
from payment_service.bills.schemas import (
    BillLineOut,
    BillOut,
    BillSummary,
    NewBill,
    VirtualAccountOut,
)
from payment_service.clients.members import ContributionBasis
from payment_service.quotes import service as quotes
from payment_service.quotes.rules import DeclarationNeeded, Priced
from payment_service.settings import Settings
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import CountedStatement, Executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import BillCancelled, BillExpired, BillIssued
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Page, cut_page, read_cursor
from perisai_kit.http.visibility import record_shown
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.masks import mask_name
from snap_bi import profiles, virtual_account

SHOWN_AS = "bill"
"""The kind under which a kept answer names the bills it is about."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A bill that was just issued. replaced_bill_id: the open bill it takes the place of."""

    bill: BillOut
    replaced_bill_id: UUID | None


async def issue(
    session: AsyncSession,
    asked: NewBill,
    basis: ContributionBasis,
    *,
    by: UUID,
    settings: Settings,
) -> Issued:
    """Issue a bill as a snapshot of the member and of the tariff, payable at every active bank.

    The member's open bill is cancelled: a member has one at most.
    Raises: MonthNotBillable, MemberDeceased, MemberOverAge, DeclarationNeeded, MonthAlreadyBilled,
    NoActiveBank; NoTariff, IncomeBelowMinimum, MandatoryProgrammeMissing, JhtMandatory.
    """
    limits = quotes.find_limits(settings)
    priced = quotes.price_months(
        basis,
        limits,
        settings,
        first_month=asked.first_month,
        month_count=asked.month_count,
    )
    if priced.chosen.declaration_needed:
        raise DeclarationNeeded
    now = limits.at
    # The issuer must see the bill even before the feed delivers the attribution of the member.
    await attributions.take(
        session, [Attributed(basis.member_id, basis.attribution_no, basis.periods)]
    )
    await queries.lock_issuing(session, basis.member_id)
    previous = await queries.lock_open_bill(session, basis.member_id)
    await _check_unpaid(session, basis, priced.chosen.months)
    replaced_bill_id = await _end_previous(session, previous, by=by, now=now) if previous else None
    bill = _bill(basis, priced, issued_at=now, by=by, valid_h=settings.bill_valid_h)
    accounts = await _accounts(session, bill.id)
    rows = await queries.insert_bill(session, bill, priced.lines, accounts)
    await publish(session, _issued(bill))
    record_shown(session, kind=SHOWN_AS, ids=[bill.id])
    return Issued(_detailed(bill, rows, accounts, now), replaced_bill_id)


async def get(session: AsyncSession, principal: Principal, bill_id: UUID) -> BillOut:
    """Return a bill the subject may see.

    Raises: BillNotFound.
    """
    bill = await queries.find_bill(session, bill_id, visible(principal, Bill))
    if bill is None:
        raise rules.BillNotFound
    return await _read(session, bill)


async def list_bills(
    session: AsyncSession,
    principal: Principal,
    *,
    member_id: UUID | None,
    status: BillStatus | None,
    cursor: str | None,
    limit: int,
) -> Page[BillSummary]:
    """Return the bills the subject may see, the latest first.

    Raises: CursorInvalid.
    """
    now = clock.now()
    bills = await queries.list_bills(
        session,
        visible(principal, Bill),
        member_id=member_id,
        status=status,
        at=now,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    found = cut_page(bills, limit, key=lambda bill: bill.id)
    return found.page(lambda bill: _summary(bill, now))


async def cancel(
    session: AsyncSession, principal: Principal, bill_id: UUID, *, reason: CancellationReason
) -> BillOut:
    """Cancel an open bill, so that nobody pays it any more.

    Raises: BillNotFound, BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready.
    """
    if await queries.find_bill(session, bill_id, visible(principal, Bill)) is None:
        raise rules.BillNotFound
    (bill,) = await queries.lock_bills(session, [bill_id])
    rules.check_change(bill.status, BillStatus.CANCELLED)
    await _cancel(session, bill, reason, by=principal.account_id, now=clock.now())
    record_shown(session, kind=SHOWN_AS, ids=[bill.id])
    return await _read(session, bill)


async def check_visibility(session: AsyncSession, viewer: Principal, ids: Sequence[UUID]) -> None:
    """Refuse what a kept answer says of bills whose members are in other hands now.

    Raises: BillNotFound.
    """
    for bill_id in ids:
        if await queries.find_bill(session, bill_id, visible(viewer, Bill)) is None:
            raise rules.BillNotFound


async def find_by_account(
    session: AsyncSession, *, partner_id: UUID, customer_no: str
) -> Bill | None:
    """Return the bill that is paid under this customer number at this bank, without a lock."""
    return await queries.find_bill_by_account(
        session, partner_id=partner_id, customer_no=customer_no
    )


async def lock_for_payment(
    run: Executor, accounts: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], LockedBill]:
    """Lock the bills paid under these pairs of partner and customer number, as they are now.

    In the one order everybody keeps. A bill stands under each of its accounts asked for.
    """
    return await queries.lock_for_payment(run, accounts) if accounts else {}


def pay_statement(paid_at: Mapping[UUID, datetime]) -> CountedStatement:
    """Return the statement that marks bills paid.

    The caller has locked them and found them payable. paid_at: the instant by the id of the bill.
    """
    return queries.pay_statement(paid_at)


def display_name(bill: LockedBill, keyring: Keyring) -> str:
    """Return whom the bill was issued to."""
    return Bill.display_name.unseal(keyring, bill.id, bill.display_name)


async def lines_of(session: AsyncSession, bill_id: UUID) -> Sequence[BillLine]:
    """Return a bill's lines by month and then JKK, JKM, JHT."""
    return await queries.list_lines(session, bill_id)


async def get_snapshot(session: AsyncSession, bill_id: UUID) -> Bill:
    """Return a bill for a caller that has already decided who may see it.

    Raises: BillNotFound.
    """
    bill = await session.get(Bill, bill_id)
    if bill is None:
        raise rules.BillNotFound
    return bill


async def expire_overdue(session: AsyncSession, *, late_notice_h: int, limit: int) -> int:
    """Expire open bills that nobody can pay any more; return how many.

    late_notice_h: hours after the end of a bill in which a bank may still report a payment that
    was made in time.
    """
    through = clock.now() - timedelta(hours=late_notice_h)
    bills = await queries.lock_expired_bills(session, through=through, limit=limit)
    await _expire(session, bills)
    return len(bills)


async def cancel_of_member(session: AsyncSession, member_id: UUID) -> None:
    """Withdraw a member's open bill, because the registration ends.

    A bill past its end stays: a bank may still report a payment that was made in time.
    """
    bill = await queries.lock_open_bill(session, member_id)
    now = clock.now()
    if bill is not None and bill.expires_at > now:
        reason = CancellationReason.REGISTRATION_ENDED
        await _cancel(session, bill, reason, by=None, now=now)


async def _check_unpaid(
    session: AsyncSession, basis: ContributionBasis, months: Sequence[Month]
) -> None:
    # member-service may not know of a payment yet that we have booked. The open bill is locked
    # before, so that a payment of it has ended.
    paid = await queries.list_paid_months(
        session, basis.member_id, months, since=basis.settled_since
    )
    if paid:
        raise rules.MonthAlreadyBilled(months=[str(month) for month in paid])


async def _end_previous(
    session: AsyncSession, bill: Bill, *, by: UUID, now: datetime
) -> UUID | None:
    """End the member's open bill; return its id if it could still be paid."""
    if rules.shown_status(bill.status, expires_at=bill.expires_at, at=now) is BillStatus.EXPIRED:
        await _expire(session, [bill])
        return None
    await _cancel(session, bill, CancellationReason.REPLACED, by=by, now=now)
    return bill.id


async def _cancel(
    session: AsyncSession, bill: Bill, reason: CancellationReason, *, by: UUID | None, now: datetime
) -> None:
    bill.status = BillStatus.CANCELLED
    bill.cancelled_at = now
    bill.cancelled_by = by
    bill.cancellation_reason = reason
    await session.flush()
    await publish(
        session, BillCancelled(bill_id=bill.id, member_id=bill.member_id, reason_code=reason)
    )


async def _expire(session: AsyncSession, bills: Sequence[Bill]) -> None:
    if not bills:
        return
    for bill in bills:
        rules.check_change(bill.status, BillStatus.EXPIRED)
        bill.status = BillStatus.EXPIRED
    await session.flush()
    await publish(
        session, *(BillExpired(bill_id=bill.id, member_id=bill.member_id) for bill in bills)
    )


async def _accounts(session: AsyncSession, bill_id: UUID) -> list[VirtualAccount]:
    partners = await banks.list_active(session)
    if not partners:
        raise rules.NoActiveBank
    serial = await queries.next_serial(session)
    return [_account(partner, bill_id, serial) for partner in partners]


def _account(partner: BankPartner, bill_id: UUID, serial: int) -> VirtualAccount:
    profile = profiles.PROFILES[partner.profile]
    issued = virtual_account.issue(partner.company_code, serial, profile)
    return VirtualAccount(
        bill_id=bill_id,
        partner_id=partner.id,
        partner_name=partner.name,
        company_code=issued.company_code,
        customer_no=issued.customer_no,
        number=issued.number,
    )


def _bill(
    basis: ContributionBasis, priced: Priced, *, issued_at: datetime, by: UUID, valid_h: int
) -> Bill:
    chosen = priced.chosen
    return Bill(
        id=new_id(),
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
        issued_at=issued_at,
        issued_by=by,
        expires_at=rules.find_end(issued_at, valid_h=valid_h, pay_before=chosen.pay_before),
    )


def _issued(bill: Bill) -> BillIssued:
    return BillIssued(
        bill_id=bill.id,
        member_id=bill.member_id,
        first_month=bill.first_month,
        month_count=bill.month_count,
        amount=bill.amount,
        expires_at=bill.expires_at,
    )


async def _read(session: AsyncSession, bill: Bill) -> BillOut:
    lines = await queries.list_lines(session, bill.id)
    accounts = await queries.list_accounts(session, bill.id)
    return _detailed(bill, lines, accounts, clock.now())


def _summary(bill: Bill, now: datetime) -> BillSummary:
    status = rules.shown_status(bill.status, expires_at=bill.expires_at, at=now)
    masked = {"status": status, "display_name": mask_name(bill.display_name)}
    return BillSummary.model_validate(bill).model_copy(update=masked)


def _detailed(
    bill: Bill, lines: Sequence[BillLine], accounts: Sequence[VirtualAccount], now: datetime
) -> BillOut:
    return BillOut(
        **dict(_summary(bill, now)),
        lines=[BillLineOut.model_validate(line) for line in lines],
        virtual_accounts=[VirtualAccountOut.model_validate(account) for account in accounts],
    )
