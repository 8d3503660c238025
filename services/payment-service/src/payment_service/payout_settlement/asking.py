"""Ask banks what became of transfers, and read their statements: between transactions."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.banks import BankClients
from payment_service.payout_sending import service as sending
from payment_service.payout_sending.service import Attempt
from payment_service.payout_settlement import queries, rules, service
from payment_service.payout_settlement.rules import (
    Booking,
    Evidence,
    Row,
    SettlementOutcome,
    Times,
)
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.rules import (
    PayoutTransferStatusConflict,
    Report,
    TransferSource,
    TransferStatus,
)
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.jobs.queue import Payload
from perisai_kit.runtime.log import get_logger
from snap_bi.bank_statements import BankStatementRow, EntryType
from snap_bi.disbursement import DisbursementClient
from snap_bi.transfer_outcomes import BankTransferStatus, TransferInquiry, TransferOrder

BATCH = 100
"""Transfers that are ordered to be asked about at once."""
OUTCOMES = {
    BankTransferStatus.PAID: SettlementOutcome.PAID,
    BankTransferStatus.FAILED: SettlementOutcome.FAILED,
    BankTransferStatus.RETURNED: SettlementOutcome.RETURNED,
}
LATEST_INQUIRY = 8
"""From this inquiry on, half an hour later, a payout is settled without any day of the bank."""
ASKED = frozenset({TransferStatus.UNKNOWN, TransferStatus.PAID})

log = get_logger()
debited_twice_total = Counter(
    "payment_payouts_debited_twice_total", "Transfers that a bank statement shows twice."
)
refused_and_debited_total = Counter(
    "payment_payouts_refused_and_debited_total",
    "Transfers that a bank refused and its statement shows nevertheless.",
)
unknown_gauge = Gauge("payment_payouts_unknown", "Transfers of unknown outcome.")
unknown_age = Gauge(
    "payment_payouts_unknown_oldest_seconds", "How long the first of them is unknown."
)


class Settler:
    """Finds out what became of transfers. It never sends one."""

    def __init__(self, clients: BankClients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings
        self._times = Times(
            window=timedelta(hours=settings.payout_window_h),
            statement_after=timedelta(hours=settings.payout_statement_after_h),
        )

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a transfer is due to be asked about."""
        return await service.has_due(session)

    async def order_due(self, database: Database) -> bool:
        """Order jobs for what is due to be asked about; return whether there may be more."""
        async with database.begin() as session:
            ordered = await service.order_due(session, limit=BATCH)
            count, first = await queries.measure_unknown(session)
        unknown_gauge.set(count)
        unknown_age.set((clock.now() - first).total_seconds() if first else 0)
        return ordered == BATCH

    async def inquire(self, database: Database, payload: Payload) -> None:
        """Ask what became of a transfer (36), then look into the statement (14) if it is time."""
        transfer_id = UUID(str(payload["transfer_id"]))
        async with database.read() as session:
            attempt = await sending.find_attempt(session, transfer_id)
        if attempt is None or attempt.external_id is None or attempt.request_timestamp is None:
            return
        if attempt.status is TransferStatus.SENT:
            # Nothing was heard of the worker that sent it.
            async with database.begin() as session:
                await sending.abandon(session, transfer_id)
        elif attempt.status not in ASKED:
            return
        client = self._clients.disbursement(attempt.route, corporate_id=attempt.corporate_id)
        order = sending.make_order(
            attempt,
            client.rules,
            external_id=attempt.external_id,
            requested_at=attempt.request_timestamp,
        )
        age = clock.real_now() - attempt.request_timestamp
        if age >= timedelta(days=client.rules.transfer_status_days):
            await self._read_statement(database, attempt, order, client, is_not_found=False)
            return
        inquiry = await client.inquire_transfer(order, reference_no=attempt.reference_no)
        outcome = OUTCOMES.get(inquiry.status)
        if attempt.status is TransferStatus.PAID and outcome is not SettlementOutcome.RETURNED:
            return
        if outcome is not None:
            await self._conclude(database, attempt, order, client, inquiry=inquiry, outcome=outcome)
            return
        is_not_found = inquiry.status is BankTransferStatus.NOT_FOUND
        if rules.needs_statement(is_not_found=is_not_found, age=age, times=self._times):
            await self._read_statement(database, attempt, order, client, is_not_found=is_not_found)
        else:
            await self._wait(database, attempt)

    async def _conclude(
        self,
        database: Database,
        attempt: Attempt,
        order: TransferOrder,
        client: DisbursementClient,
        *,
        inquiry: TransferInquiry,
        outcome: SettlementOutcome,
    ) -> None:
        """Settle as an inquiry says; where no day is to be had just now, ask again for some time.

        The day is stored once, and decides in which month the tax is withheld.
        """
        is_read, day = await self._find_day(database, attempt, order, client, outcome=outcome)
        report = _make_report(inquiry, outcome, booked_on=day)
        if is_read or report.executed_on is not None or attempt.inquiries >= LATEST_INQUIRY:
            await self._settle(database, attempt.transfer_id, outcome, report)
        else:
            await self._wait(database, attempt)

    async def _find_day(
        self,
        database: Database,
        attempt: Attempt,
        order: TransferOrder,
        client: DisbursementClient,
        *,
        outcome: SettlementOutcome,
    ) -> tuple[bool, date | None]:
        """Return the day on which the statement shows what the inquiry says, by the bank's clock.

        Also whether the statement could be read. None: it shows no day, or nothing else than the
        day of the request is possible.
        """
        first, last = jakarta_date(order.requested_at), jakarta_date(clock.real_now())
        if outcome is SettlementOutcome.FAILED or first == last:
            return True, None
        if outcome is SettlementOutcome.PAID:
            first, last = rules.find_statement_days(order.requested_at, at=clock.real_now())
        first = max(first, last - timedelta(days=client.rules.bank_statement_days))
        is_complete, bookings = await self._read_bookings(
            database, attempt, order, client, first=first, last=last
        )
        day = rules.find_booked_day(bookings, outcome, amount=attempt.amount)
        return is_complete or day is not None, day

    async def _read_bookings(
        self,
        database: Database,
        attempt: Attempt,
        order: TransferOrder,
        client: DisbursementClient,
        *,
        first: date,
        last: date,
    ) -> tuple[bool, Sequence[Booking]]:
        """Return the bookings of the days, and whether the statement was read whole."""
        async with database.read() as session:
            others = await service.list_other_codes(
                session, attempt, order.requested_at, until=last + timedelta(days=1)
            )
        found = await client.read_bank_statement(order.source_account_no, first=first, last=last)
        bookings = [_make_booking(row, attempt.remark_code, others) for row in found.rows]
        return found.is_complete, bookings

    async def _read_statement(
        self,
        database: Database,
        attempt: Attempt,
        order: TransferOrder,
        client: DisbursementClient,
        *,
        is_not_found: bool,
    ) -> None:
        """Settle by the statement: no debit means failed only where the bank knows no transfer."""
        now = clock.real_now()
        first, last = rules.find_statement_days(order.requested_at, at=now)
        is_last = now - order.requested_at >= timedelta(days=client.rules.bank_statement_days)
        if is_last:
            await self._wait(database, attempt, is_last=True)
            return
        is_complete, bookings = await self._read_bookings(
            database, attempt, order, client, first=first, last=last
        )
        evidence = rules.judge(bookings, amount=attempt.amount)
        if rules.count_debits(bookings, amount=attempt.amount) > 1:
            debited_twice_total.inc()
            log.error("debit.repeated", transfer_id=str(attempt.transfer_id))
        report = Report(TransferSource.BANK_STATEMENT)
        match evidence:
            case Evidence.PAID | Evidence.RETURNED:
                outcome = SettlementOutcome(evidence.value)
                day = rules.find_booked_day(bookings, outcome, amount=attempt.amount)
                report = replace(report, executed_on=_make_business_day(day))
                await self._settle(database, attempt.transfer_id, outcome, report)
            case Evidence.NOTHING if is_not_found and is_complete:
                await self._settle(database, attempt.transfer_id, SettlementOutcome.FAILED, report)
            case Evidence.NOTHING | Evidence.AMBIGUOUS:
                if evidence is Evidence.AMBIGUOUS:
                    log.warning("payout.not_settled", transfer_id=str(attempt.transfer_id))
                await self._wait(database, attempt)

    async def _wait(self, database: Database, attempt: Attempt, *, is_last: bool = False) -> None:
        async with database.begin() as session:
            await service.schedule(session, attempt, is_last=is_last)

    async def _settle(
        self, database: Database, id_: UUID, outcome: SettlementOutcome, report: Report
    ) -> None:
        try:
            async with database.begin() as session:
                is_new = await service.settle(session, id_, outcome, report)
        except PayoutTransferStatusConflict:
            transfers.report_contradiction(id_, outcome.value, report.source)
            return
        if is_new:
            log.info("payout.settled", transfer_id=str(id_), outcome=outcome.value)

    async def watch(self, database: Database) -> None:
        """Compare each account's statement of the last days with what is settled."""
        async with database.read() as session:
            account_ids = await queries.list_accounts(session)
        for account_id in account_ids:
            async with database.read() as session:
                last_id = await queries.find_last_sent(session, account_id)
                attempt = None if last_id is None else await sending.find_attempt(session, last_id)
            if attempt is not None:
                await self._watch(database, attempt)

    async def _watch(self, database: Database, attempt: Attempt) -> None:
        """Compare the statement of an account. attempt: any from it; it says how to ask the bank.

        Transfers are looked up by the codes in the rows, so their age does not matter.
        """
        client = self._clients.disbursement(attempt.route, corporate_id=attempt.corporate_id)
        days = min(self._settings.payout_return_days, client.rules.bank_statement_days)
        last = jakarta_date(clock.real_now())
        statement = await client.read_bank_statement(
            attempt.source_account_no, first=last - timedelta(days=days), last=last
        )
        async with database.read() as session:
            remarks = (row.remark for row in statement.rows)
            named = await service.list_named(session, attempt.payout_account_id, remarks)
        rows = [_make_row(row, named.keys()) for row in statement.rows]
        found = rules.find_contradictions(
            rows,
            executed={code: each.amount for code, each in named.items() if each.status in ASKED},
            refused={
                code: each.amount
                for code, each in named.items()
                if each.status is TransferStatus.FAILED
            },
        )
        for code, day in sorted(found.returned.items()):
            outcome = SettlementOutcome.RETURNED
            await self._correct(database, named[code].transfer_id, outcome, day)
        for code, day in sorted(found.debited.items()):
            refused_and_debited_total.inc()
            outcome = SettlementOutcome.PAID
            await self._correct(database, named[code].transfer_id, outcome, day)
        amounts = rules.list_uncoded_credits(rows)
        if amounts:
            days = client.rules.transfer_status_days
            async with database.begin() as session:
                account_id = attempt.payout_account_id
                await service.order_doubtful(session, account_id, amounts, days=days)

    async def _correct(
        self, database: Database, transfer_id: UUID, outcome: SettlementOutcome, day: date
    ) -> None:
        log.warning("payout.corrected", transfer_id=str(transfer_id), outcome=outcome.value)
        report = Report(TransferSource.BANK_STATEMENT, executed_on=_make_business_day(day))
        await self._settle(database, transfer_id, outcome, report)


def _make_report(
    inquiry: TransferInquiry, outcome: SettlementOutcome, *, booked_on: date | None
) -> Report:
    """Return the report of an inquiry. booked_on: by the statement, which counts first.

    transactionDate is that of the transfer, so it says nothing of a return. One bank writes the day
    of the answer there, so that day says nothing either (docs/snap.md 4.4).
    """
    answer, code = inquiry.answer, inquiry.result.code
    stated = answer.executed_on if answer and outcome is SettlementOutcome.PAID else None
    is_day_of_answer = stated == jakarta_date(clock.real_now())
    day = booked_on or (None if is_day_of_answer else stated)
    return Report(
        TransferSource.STATUS_INQUIRY,
        response_code=str(code) if code else None,
        reference_no=answer.reference_number if answer else None,
        executed_on=_make_business_day(day),
    )


def _make_business_day(day: date | None) -> date | None:
    """Return the business day of a day of the bank: another one only under a test clock."""
    if day is None:
        return None
    return day + (clock.today() - jakarta_date(clock.real_now()))


def _make_row(row: BankStatementRow, codes: Collection[str]) -> Row:
    return Row(
        is_debit=row.type is EntryType.DEBIT,
        amount=row.amount,
        code=rules.find_code(row.remark, codes, length=transfers.REMARK_CODE_LENGTH),
        booked_on=row.booked_on,
    )


def _make_booking(row: BankStatementRow, code: str, others: Sequence[str]) -> Booking:
    is_ours = row.has_code(code)
    return Booking(
        is_debit=row.type is EntryType.DEBIT,
        amount=row.amount,
        is_ours=is_ours,
        is_others=not is_ours and any(row.has_code(other) for other in others),
        is_correction=row.is_correction,
        booked_on=row.booked_on,
    )
