"""Let payouts be sent, paid, failed and returned: the attempt, the money and the event at once.

Lock order, for everybody: the run, the debts, payouts by payee, the attempt of a payout, the holds.
An attempt is never locked before its payout; statements are not locked, because the unique index of
live items decides between two runs.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import service as ledger
from payment_service.ledger.rules import OPERATING_BANK, TransferCode
from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_transfers import queries as transfer_queries
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.models import PayoutTransfer, PayoutTransferChange
from payment_service.payout_transfers.rules import (
    SETTLED,
    PayoutTransferNotFound,
    PayoutTransferStatusConflict,
    Report,
    TransferSource,
    TransferStatus,
    choose_service,
    find_paid_day,
    find_returned_day,
)
from payment_service.payouts import queries, rules
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import (
    PayoutPayee,
    PayoutStatus,
    StatementPayoutStatus,
    WithdrawalReason,
)
from payment_service.taxes import service as taxes
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.catalogue import (
    PayoutFailed,
    PayoutPaid,
    PayoutPaidForAgent,
    PayoutReturned,
    PayoutReturnedForAgent,
)
from perisai_kit.events.outbox import publish, publish_rows
from snap_bi.transfer_rules import InterbankRoute


async def mark_sent(
    session: AsyncSession,
    transfer_id: UUID,
    *,
    external_id: str | None,
    request_timestamp: datetime | None,
    next_inquiry_at: datetime | None,
    interbank_route: InterbankRoute | None = None,
    source: TransferSource = TransferSource.WORKER,
    by: UUID | None = None,
) -> PayoutTransfer:
    """Store that an attempt is about to leave us; commit it before anything is sent.

    external_id, request_timestamp: X-EXTERNAL-ID and X-TIMESTAMP of the request; None in a file.
    interbank_route: which the request names; None: none. A repeat is refused: of several callers
    one may send. Locks the payout and the attempt.
    Raises: PayoutTransferNotFound, PayoutTransferStatusConflict, PayoutsStopped,
    PayoutAccountNotActive.
    """
    payout, transfer = await lock(session, transfer_id)
    await payout_accounts.check_sending(session, payout.payout_account_id)
    now = clock.now()
    report = Report(source, reported_by=by)
    if not transfers.move(session, transfer, TransferStatus.SENT, report, at=now):
        raise PayoutTransferStatusConflict(status=transfer.status.value, to=TransferStatus.SENT)
    transfer.external_id, transfer.request_timestamp = external_id, request_timestamp
    transfer.interbank_route = interbank_route
    transfer.sent_at, transfer.next_inquiry_at = now, next_inquiry_at
    _follow(payout, transfer, now)
    await session.flush()
    return transfer


async def mark_unknown(
    session: AsyncSession, transfer_id: UUID, report: Report, *, next_inquiry_at: datetime | None
) -> bool:
    """Store that nobody knows what the bank has done; return whether that is new.

    Raises: PayoutTransferNotFound, PayoutTransferStatusConflict.
    """
    payout, transfer = await lock(session, transfer_id)
    now = clock.now()
    is_new = transfers.move(session, transfer, TransferStatus.UNKNOWN, report, at=now)
    if is_new:
        transfer.next_inquiry_at = next_inquiry_at
        _follow(payout, transfer, now)
        await session.flush()
    return is_new


async def mark_paid(session: AsyncSession, transfer_id: UUID, report: Report) -> bool:
    """Settle an attempt: book each item, withhold its tax, and publish it; return whether new.

    Books and tax have the bank's day, not the one on which it is learnt. A repeat changes nothing.
    An attempt that was called failed may still turn out paid, unless its payout was tried again or
    given up.
    Raises: PayoutTransferNotFound, PayoutTransferStatusConflict.
    """
    payout, transfer = await lock(session, transfer_id)
    _check_late_report(payout, transfer)
    now = clock.now()
    paid_on = find_paid_day(report.executed_on, sent_on=_sent_on(transfer), today=clock.today())
    status = TransferStatus.PAID
    if not transfers.move(session, transfer, status, report, at=now, executed_on=paid_on):
        return False
    _follow(payout, transfer, now)
    await session.flush()
    await _book_paid(session, payout, paid_on)
    if payout.payee_kind is not PayoutPayee.TREASURY:
        await publish(session, PayoutPaid(**await _describe(session, payout)))
    if payout.payee_kind is PayoutPayee.WADAH:
        await publish_rows(session, PayoutPaidForAgent, queries.parts_of_agents(payout.id))
    return True


async def mark_failed(session: AsyncSession, transfer_id: UUID, report: Report) -> bool:
    """Store that the bank has not executed an attempt, and publish it; return whether that is new.

    The payout waits for an officer, who lets it be sent again or gives it up.
    Raises: PayoutTransferNotFound, PayoutTransferStatusConflict.
    """
    payout, transfer = await lock(session, transfer_id)
    now = clock.now()
    if not transfers.move(session, transfer, TransferStatus.FAILED, report, at=now):
        return False
    _follow(payout, transfer, now)
    await session.flush()
    if payout.payee_kind is not PayoutPayee.TREASURY:
        reason = rules.find_reason_code(report.response_code)
        await publish(session, PayoutFailed(**await _describe(session, payout), reason_code=reason))
    return True


async def mark_returned(session: AsyncSession, transfer_id: UUID, report: Report) -> bool:
    """Book the money back that the bank returned, and let the statements be paid again.

    An attempt that nobody knew paid is booked as paid first, on the day it was sent, since the bank
    shows both. Return whether it is new; a repeat changes nothing.
    Raises: PayoutTransferNotFound, PayoutTransferStatusConflict.
    """
    payout, transfer = await lock(session, transfer_id)
    now = clock.now()
    was_paid = transfer.status is TransferStatus.PAID
    paid = await transfer_queries.find_paid_days(session, [payout.id])
    paid_on = paid.get(payout.id) or _sent_on(transfer)
    returned_on = find_returned_day(report.executed_on, paid_on=paid_on, today=clock.today())
    status = TransferStatus.RETURNED
    if not transfers.move(session, transfer, status, report, at=now, executed_on=returned_on):
        return False
    _follow(payout, transfer, now)
    await session.flush()
    if not was_paid:
        await _book_paid(session, payout, paid_on)
    await _book_returned(session, payout, returned_on)
    await queries.free_items(session, [payout.id])
    if payout.payee_kind is not PayoutPayee.TREASURY:
        reason = rules.find_reason_code(report.response_code)
        await publish(
            session, PayoutReturned(**await _describe(session, payout), reason_code=reason)
        )
    if payout.payee_kind is PayoutPayee.WADAH:
        await publish_rows(session, PayoutReturnedForAgent, queries.parts_of_agents(payout.id))
    return True


async def begin(session: AsyncSession, payout: Payout, *, from_bank: str) -> PayoutTransfer:
    """Make the first attempt of a locked payout; the sender takes it.

    from_bank: code of the bank of our account.
    """
    transfer, change = transfers.make(
        payout_id=payout.id,
        payout_account_id=payout.payout_account_id,
        attempt=1,
        amount=payout.amount,
        service_code=choose_service(from_bank=from_bank, to_bank=payout.bank_code),
        at=clock.now(),
    )
    return await _add(session, transfer, change)


async def begin_again(
    session: AsyncSession, payout: Payout, last: PayoutTransfer, *, by: UUID | None = None
) -> PayoutTransfer:
    """Make another attempt of a locked payout whose last one failed, with new references.

    by: the officer who asked for it; None: the bank was too busy.
    """
    now = clock.now()
    transfer, change = transfers.make(
        payout_id=payout.id,
        payout_account_id=payout.payout_account_id,
        attempt=last.attempt + 1,
        amount=payout.amount,
        service_code=last.service_code,
        at=now,
        by=by,
    )
    await _add(session, transfer, change)
    _follow(payout, transfer, now)
    await session.flush()
    return transfer


async def lock(session: AsyncSession, transfer_id: UUID) -> tuple[Payout, PayoutTransfer]:
    """Lock the payout of an attempt, then the attempt. Raises: PayoutTransferNotFound."""
    payout_id = await transfer_queries.find_payout_id(session, transfer_id)
    if payout_id is None:
        raise PayoutTransferNotFound
    payout = await queries.lock_payout(session, payout_id)
    assert payout is not None, "a transfer has a payout"
    return payout, await transfer_queries.lock_transfer(session, transfer_id)


async def lock_failed(session: AsyncSession, payout_id: UUID) -> Payout:
    """Lock a payout that failed. Raises: PayoutNotFound, PayoutWithdrawn, PayoutNotFailed."""
    payout = await queries.lock_payout(session, payout_id)
    if payout is None:
        raise rules.PayoutNotFound
    rules.check_repeatable(payout.status, payout.withdrawn_reason)
    return payout


async def give_up(session: AsyncSession, payout_id: UUID, *, by: UUID) -> Payout:
    """Let the statements of a payout that failed, or was not sent yet, be paid by a later run.

    Before its run is released it has no attempt: another person decides on the run.
    Raises: PayoutNotFound, PayoutWithdrawn, PayoutNotFailed.
    """
    payout = await queries.lock_payout(session, payout_id)
    if payout is None:
        raise rules.PayoutNotFound
    last = await transfer_queries.find_last(session, payout_id)
    is_waiting = last is not None and last.status is TransferStatus.CREATED
    rules.check_repeatable(payout.status, payout.withdrawn_reason, is_waiting=is_waiting)
    await withdraw_unsent(session, [payout], WithdrawalReason.GIVEN_UP, by=by)
    await session.refresh(payout)
    return payout


async def withdraw(
    session: AsyncSession,
    payout_ids: Collection[UUID],
    *,
    reason: WithdrawalReason,
    by: UUID | None = None,
) -> None:
    """Withdraw locked payouts that nothing was sent for, or that failed; their items are free."""
    await queries.withdraw(session, payout_ids, reason=reason, by=by, at=clock.now())


async def withdraw_for(session: AsyncSession, agent_ids: Collection[UUID]) -> None:
    """Withdraw the unsent payouts of agents before a hold on their statements.

    A payout to a wadah is withdrawn as a whole. Locks these and what is at a bank, so that none of
    them is sent, also not again.
    """
    found = await queries.lock_open_for(session, agent_ids)
    await withdraw_unsent(session, found, WithdrawalReason.HELD)


async def withdraw_waiting_for(session: AsyncSession, beneficiary_ids: Collection[UUID]) -> None:
    """Withdraw what waits to be sent for beneficiaries who have a debt now.

    What failed stays, because the bank may still say that it was paid; it is looked at before it is
    sent again. Locks and withdraws whole payouts, as `withdraw_for` does.
    """
    found = await queries.lock_open_for(session, beneficiary_ids)
    waiting = [each for each in found if each.status is PayoutStatus.CREATED]
    await withdraw_unsent(session, waiting, WithdrawalReason.DEBT_CHANGED)


async def withdraw_to(session: AsyncSession, current: Mapping[UUID, UUID]) -> None:
    """Withdraw what was not sent to payees who have another bank account now.

    current: the bank account of each payee. Locks these and what is at a bank, so that none of them
    is sent, also not again.
    """
    found = await queries.lock_open_to(session, current)
    changed = [each for each in found if each.bank_account_id != current[each.payee_id]]
    await withdraw_unsent(session, changed, WithdrawalReason.ACCOUNT_CHANGED)


async def withdraw_unsent(
    session: AsyncSession,
    found: Sequence[Payout],
    reason: WithdrawalReason,
    *,
    by: UUID | None = None,
) -> None:
    """Withdraw those of locked payouts that were not sent; their attempts end."""
    source = TransferSource.WORKER if by is None else TransferSource.OFFICER
    now, unsent = clock.now(), [each for each in found if each.status in rules.UNSENT]
    for each in unsent:
        last = await transfer_queries.find_last(session, each.id)
        if last is not None and last.status is TransferStatus.CREATED:
            transfer = await transfer_queries.lock_transfer(session, last.id)
            report = Report(source, reported_by=by)
            transfers.move(session, transfer, TransferStatus.FAILED, report, at=now)
            _follow(each, transfer, now)
    await session.flush()
    if unsent:
        await withdraw(session, [each.id for each in unsent], reason=reason, by=by)


async def find_statement_statuses(
    session: AsyncSession, statement_ids: Collection[UUID]
) -> dict[UUID, StatementPayoutStatus]:
    """Return what has become of statements, by statement; unpaid ones may be missing."""
    return await queries.find_statement_statuses(session, statement_ids) if statement_ids else {}


async def _add(
    session: AsyncSession, transfer: PayoutTransfer, change: PayoutTransferChange
) -> PayoutTransfer:
    session.add(transfer)
    await session.flush()
    session.add(change)
    await session.flush()
    return transfer


def _check_late_report(payout: Payout, transfer: PayoutTransfer) -> None:
    """Refuse a late report of what was tried again or given up."""
    if transfer.status is TransferStatus.FAILED and not rules.may_be_paid_late(
        payout.status, is_withdrawn=payout.withdrawn_at is not None
    ):
        raise PayoutTransferStatusConflict(status=transfer.status.value, to=TransferStatus.PAID)


def _follow(payout: Payout, transfer: PayoutTransfer, at: datetime) -> None:
    payout.status = transfer.status
    payout.settled_at = at if transfer.status in SETTLED else None


def _sent_on(transfer: PayoutTransfer) -> date:
    """Return the Jakarta day of the request; of what was never sent, it is about to be refused."""
    return jakarta_date(transfer.sent_at or transfer.created_at)


async def _book_paid(session: AsyncSession, payout: Payout, paid_on: date) -> None:
    if payout.payee_kind is PayoutPayee.TREASURY:
        of = await queries.find_remittance(session, payout.id)
        await taxes.remit(
            session,
            remittance_id=payout.id,
            kind=of.tax_kind,
            month=of.month,
            amount=of.amount,
            remitted_on=paid_on,
        )
        await queries.close_remittances(session, [payout.id])
        return
    await ledger.transfer_rows(
        session,
        queries.net_of_items(payout.id),
        code=TransferCode.INCENTIVE_PAID,
        account=OPERATING_BANK,
        business_on=paid_on,
    )
    await taxes.record(session, payout.id, paid_on=paid_on)


async def _book_returned(session: AsyncSession, payout: Payout, returned_on: date) -> None:
    if payout.payee_kind is PayoutPayee.TREASURY:
        await taxes.return_remittance(session, payout.id, returned_on=returned_on)
        return
    await ledger.transfer_rows(
        session,
        queries.net_of_items(payout.id),
        code=TransferCode.INCENTIVE_RETURNED,
        account=OPERATING_BANK,
        business_on=returned_on,
    )
    await taxes.reverse(session, payout.id, returned_on=returned_on)


async def _describe(session: AsyncSession, payout: Payout) -> dict[str, object]:
    """Return what the events of a payout say of it."""
    return {
        "payout_id": payout.id,
        "run_id": payout.run_id,
        "payee_kind": payout.payee_kind.value,
        "payee_id": payout.payee_id,
        "month": payout.month,
        "amount": payout.amount,
        "statement_count": await queries.count_items(session, payout.id),
    }
