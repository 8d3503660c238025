"""Choose what may go, and send each transfer once: the calls to banks, between transactions."""

from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.banks import BankClients
from payment_service.payout_accounts.rules import PayoutAccountNotActive, PayoutsStopped
from payment_service.payout_sending import rules, service
from payment_service.payout_sending.rules import HeldBack, NameVerdict
from payment_service.payout_sending.service import AccountToSend, Attempt
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.rules import (
    INTRABANK,
    PayoutTransferStatusConflict,
    Report,
    TransferSource,
    TransferStatus,
)
from payment_service.payouts import service as payouts
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.names import is_same_name
from perisai_kit.jobs.queue import Payload
from perisai_kit.runtime.log import get_logger
from snap_bi.disbursement import DisbursementClient
from snap_bi.inquiries import AccountInquiry
from snap_bi.outcomes import CallResult, Outcome
from snap_bi.transfer_outcomes import TransferOrder, TransferResult

NEW_IDS = 3
"""How often an X-EXTERNAL-ID is drawn anew: a bank's may have nine digits, and be taken."""

log = get_logger()
held_back_total = Counter(
    "payment_payouts_held_back_total", "Transfers or rounds that did not go.", ["reason"]
)
outcomes_total = Counter("payment_payout_outcomes_total", "First answers of banks.", ["outcome"])


class Sender:
    """Sends transfers. No call is made in a transaction."""

    def __init__(self, clients: BankClients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings
        self._looked_at = dict[UUID, UUID]()

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a transfer waits to be sent."""
        return await service.has_waiting(session)

    async def dispatch(self, database: Database) -> bool:
        """Order jobs for what may be sent now, within cap and funds; return whether any is new.

        Each round looks at the transfers behind those of the one before, so that no number of
        transfers that cannot go keeps others waiting.
        """
        limit = self._settings.payout_send_batch
        async with database.read() as session:
            found = await service.plan(session, limit=limit, at=clock.now(), after=self._looked_at)
        ordered = 0
        for account in found:
            self._looked_at.pop(account.account_id, None)
            if len(account.waiting) == limit:
                self._looked_at[account.account_id] = account.waiting[-1].transfer_id
            if account.waiting:
                ordered += await self._dispatch(database, account)
        return ordered > 0

    async def _dispatch(self, database: Database, account: AccountToSend) -> int:
        if all(each.amount > account.cap - account.sent for each in account.waiting):
            held_back_total.labels(HeldBack.DAILY_CAP.value).inc()
            return 0
        client = self._clients.disbursement(account.route, corporate_id=account.corporate_id)
        balance = await client.inquire_balance(account.account_no)
        if balance.available is None:
            held_back_total.labels("funds_unknown").inc()
            log.warning("payout_funds.unanswered", payout_account_id=str(account.account_id))
            return 0
        room = rules.find_room(
            cap=account.cap,
            sent=account.sent,
            funds=balance.available,
            in_flight=account.in_flight,
        )
        chosen = rules.choose(account.waiting, room=room)
        if len(chosen) < len(account.waiting):
            held_back_total.labels("no_room").inc()
        async with database.begin() as session:
            return await service.order_sending(session, chosen)

    async def send(self, database: Database, payload: Payload) -> None:
        """Send a transfer that waits. One that was sent already is asked about, not sent."""
        transfer_id = UUID(str(payload["transfer_id"]))
        async with database.read() as session:
            attempt = await service.find_attempt(session, transfer_id)
        if attempt is None:
            return
        if attempt.status is TransferStatus.SENT:
            # A worker died, or stands still, between the commit and the answer.
            async with database.begin() as session:
                await service.abandon(session, transfer_id)
        elif attempt.status is TransferStatus.CREATED and attempt.may_send:
            await self._send(database, attempt)

    async def _send(self, database: Database, attempt: Attempt) -> None:
        client = self._clients.disbursement(attempt.route, corporate_id=attempt.corporate_id)
        if not await client.is_ready():
            held_back_total.labels("bank_not_ready").inc()
            return  # still as it was; the next round orders it again
        if not await self.check_name(database, attempt, client):
            return
        order = await self.claim(database, attempt, client)
        if order is not None:
            await self.call(database, attempt, order, client)

    async def check_name(
        self, database: Database, attempt: Attempt, client: DisbursementClient
    ) -> bool:
        """Ask whose account it is, where the bank requires or we want it; return whether to go on.

        The request has the reference of the transfer, which BCA requires.
        """
        is_intrabank = attempt.service_code == INTRABANK
        is_required = client.rules.needs_account_inquiry and is_intrabank
        if not is_required and not self._settings.payout_check_names:
            return True
        requested_at = client.new_timestamp(clock.real_now())
        order = service.make_order(
            attempt, client.rules, external_id=client.new_external_id(), requested_at=requested_at
        )
        inquiry = await client.inquire_beneficiary(order)
        verdict = _judge_name(inquiry, attempt)
        if verdict is NameVerdict.UNKNOWN:
            held_back_total.labels("name_unknown").inc()
        else:
            async with database.begin() as session:
                await service.record_name(
                    session, attempt, verdict, response_code=_code(inquiry.result)
                )
        return verdict is NameVerdict.MATCH

    async def claim(
        self, database: Database, attempt: Attempt, client: DisbursementClient
    ) -> TransferOrder | None:
        """Commit that a transfer is sent; return it for the one caller who may send it."""
        for _ in range(NEW_IDS):
            order = service.make_order(
                attempt,
                client.rules,
                external_id=client.new_external_id(),
                requested_at=client.new_timestamp(clock.real_now()),
            )
            try:
                return await self._claim(database, attempt, order)
            except IntegrityError:
                log.warning("external_id.repeated", transfer_id=str(attempt.transfer_id))
        return None

    async def _claim(
        self, database: Database, attempt: Attempt, order: TransferOrder
    ) -> TransferOrder | None:
        try:
            async with database.begin() as session:
                reason = await service.claim(
                    session,
                    attempt,
                    external_id=order.external_id,
                    requested_at=order.requested_at,
                    route=order.route,
                )
        except PayoutsStopped:
            reason = HeldBack.STOPPED
        except PayoutAccountNotActive:
            reason = HeldBack.ACCOUNT_NOT_ACTIVE
        except PayoutTransferStatusConflict:
            reason = HeldBack.TAKEN
        if reason is None:
            return order
        held_back_total.labels(reason.value).inc()
        log.info("payout.delayed", transfer_id=str(attempt.transfer_id), reason=reason.value)
        return None

    async def call(
        self,
        database: Database,
        attempt: Attempt,
        order: TransferOrder,
        client: DisbursementClient,
    ) -> None:
        """Send a transfer that is committed as sent, and record what the bank answers.

        Whatever is raised from here on, also by ourselves, leaves it unknown.
        """
        try:
            result = await client.transfer(order)
            outcomes_total.labels(result.outcome.value).inc()
            await self._record(database, attempt, result)
        except PayoutTransferStatusConflict:
            # Another worker has settled it as something else.
            outcome, source = result.outcome.value, TransferSource.BANK_ANSWER
            transfers.report_contradiction(attempt.transfer_id, outcome, source)
        except Exception as error:
            log.error("payout.interrupted", transfer_id=str(attempt.transfer_id), exc_info=error)
            async with database.begin() as session:
                await service.abandon(session, attempt.transfer_id)

    async def _record(self, database: Database, attempt: Attempt, result: TransferResult) -> None:
        id_, reference_no = attempt.transfer_id, None
        if result.answer is not None:
            reference_no = result.answer.reference_no
        report = Report(TransferSource.BANK_ANSWER, _code(result.result), reference_no)
        async with database.begin() as session:
            match result.outcome:
                case Outcome.EXECUTED:
                    await payouts.mark_paid(session, id_, report)
                case Outcome.NOT_EXECUTED:
                    is_busy = result.refusal is not None and result.refusal.may_repeat
                    if is_busy and attempt.number <= self._settings.payout_repeat_max:
                        await service.repeat(session, attempt, report)
                    else:
                        await payouts.mark_failed(session, id_, report)
                case Outcome.UNKNOWN:
                    await service.abandon(session, id_, report)


def _judge_name(inquiry: AccountInquiry, attempt: Attempt) -> NameVerdict:
    answer, code = inquiry.answer, inquiry.result.code
    if answer is None:
        is_refused = code is not None and rules.refuses_account(code.http_status, code.case_code)
        return NameVerdict.NOT_FOUND if is_refused else NameVerdict.UNKNOWN
    if answer.beneficiary_account_no not in (None, attempt.account_no):
        return NameVerdict.UNKNOWN
    matches = is_same_name(attempt.holder_name, answer.beneficiary_account_name)
    return NameVerdict.MATCH if matches else NameVerdict.MISMATCH


def _code(result: CallResult) -> str | None:
    return str(result.code) if result.code else None
