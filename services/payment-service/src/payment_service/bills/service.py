"""Ask a member for money, and keep the one truth of whether it was paid."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

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
from payment_service.settings import Settings
from payment_service.tariffs import service as tariffs
from payment_service.tariffs.rules import Line, contribution_months
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import CountedStatement, Executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import BillCancelled, BillExpired, BillIssued
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Page, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.masks import mask_name
from snap_bi import profiles, virtual_account

MAX_OVERDUE = 100
"""More open bills than this a member cannot have: each holds a month of its own."""


async def issue(
    session: AsyncSession,
    asked: NewBill,
    basis: ContributionBasis,
    *,
    by: UUID,
    settings: Settings,
) -> BillOut:
    """Issue a bill as a snapshot of the member and of the tariff, payable at every active bank.

    Raises: MonthNotBillable, MonthAlreadyBilled, NoActiveBank; NoTariff, DeclaredIncomeTooLow,
    ProgrammesIncomplete, OldAgeMandatory.
    """
    now = clock.now()
    months = contribution_months(asked.first_month, asked.month_count)
    rules.check_months(
        months,
        present=Month.of(clock.jakarta_date(now)),
        registered=Month.of(basis.registered_on),
        member_status=basis.status,
        advance_months=settings.advance_months,
    )
    lines = tariffs.price(
        basis,
        first_month=asked.first_month,
        month_count=asked.month_count,
        jht_mandatory_for_employers=settings.jht_mandatory_for_employers,
    )
    await _expire_overdue_of_member(session, basis.member_id, now)
    bill = _bill(basis, lines, months, issued_at=now, by=by, valid_h=settings.bill_valid_h)
    accounts = await _accounts(session, bill.id)
    rows = await queries.insert_bill(session, bill, lines, accounts)
    await _take_months(session, bill, months)
    await publish(session, _issued(bill))
    return _detailed(bill, rows, accounts, now)


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
    """Withdraw an open bill, so that its months can be billed anew.

    Raises: BillNotFound, BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready.
    """
    if await queries.find_bill(session, bill_id, visible(principal, Bill)) is None:
        raise rules.BillNotFound
    (bill,) = await queries.lock_bills(session, [bill_id])
    rules.check_change(bill.status, BillStatus.CANCELLED)
    bill.status = BillStatus.CANCELLED
    bill.cancelled_at = clock.now()
    bill.cancelled_by = principal.account_id
    bill.cancellation_reason = reason
    await session.flush()
    await queries.free_months(session, [bill.id])
    await publish(
        session, BillCancelled(bill_id=bill.id, member_id=bill.member_id, reason_code=reason)
    )
    return await _read(session, bill)


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


def paying(paid_at: Mapping[UUID, datetime]) -> CountedStatement:
    """Return what marks bills paid, by id, which the caller has locked and found payable.

    paid_at: the bank's instants.
    """
    return queries.paying(paid_at)


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

    late_notice_h: hours after the end of a bill in which a bank may still tell of a payment that
    was made in time.
    """
    before = clock.now() - timedelta(hours=late_notice_h)
    bills = await queries.lock_expired_bills(session, before=before, limit=limit)
    await _expire(session, bills)
    return len(bills)


async def _expire_overdue_of_member(session: AsyncSession, member_id: UUID, now: datetime) -> None:
    # Who asks for a new bill gives up the old one, so nobody waits for a bank's late word here.
    bills = await queries.lock_expired_bills_of_member(
        session, member_id, before=now, limit=MAX_OVERDUE
    )
    await _expire(session, bills)


async def _expire(session: AsyncSession, bills: Sequence[Bill]) -> None:
    if not bills:
        return
    for bill in bills:
        rules.check_change(bill.status, BillStatus.EXPIRED)
        bill.status = BillStatus.EXPIRED
    await session.flush()
    await queries.free_months(session, [bill.id for bill in bills])
    await publish(
        session, *(BillExpired(bill_id=bill.id, member_id=bill.member_id) for bill in bills)
    )


async def _take_months(session: AsyncSession, bill: Bill, months: Sequence[Month]) -> None:
    taken = await queries.insert_once_months(
        session, bill_id=bill.id, member_id=bill.member_id, months=months
    )
    held = [str(month) for month in months if month not in taken]
    if held:
        raise rules.MonthAlreadyBilled(months=held)


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
    basis: ContributionBasis,
    lines: Sequence[Line],
    months: Sequence[Month],
    *,
    issued_at: datetime,
    by: UUID,
    valid_h: int,
) -> Bill:
    return Bill(
        id=new_id(),
        member_id=basis.member_id,
        status=BillStatus.OPEN,
        display_name=basis.display_name,
        sector=basis.sector,
        declared_income=basis.declared_income,
        employs_others=basis.employs_others,
        payer=basis.payer,
        agent_id=basis.agent_id,
        wadah_id=basis.wadah_id,
        attribution_id=basis.attribution_id,
        branch_code=basis.branch_code,
        region_code=basis.region_code,
        first_month=months[0],
        month_count=len(months),
        amount=sum(line.amount for line in lines),
        relief_amount=sum(line.relief_amount for line in lines),
        issued_at=issued_at,
        issued_by=by,
        expires_at=rules.expires_at(issued_at, valid_h=valid_h),
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
