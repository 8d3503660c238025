"""What is logged and counted of a bank's messages."""

from prometheus_client import Counter

from payment_service.bank_access.schemas import Signed
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.callbacks.schemas import Outcome
from payment_service.payments.rules import BankTimeUse, PaidAt
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.plain_metrics import PlainCounter

conflicts_total = Counter(
    "snap_payment_conflicts_total",
    "Payment flags under the request id of a settled payment, with other content.",
)
bank_times_total = PlainCounter(
    "snap_payment_bank_times_total",
    "Payments by what became of the bank's time of the payment (trxDateTime).",
    ["use"],
)
# Looked up once: this is asked for with every payment.
_TIMES_USED = {use: bank_times_total.labels(use) for use in BankTimeUse}
log = get_logger()


def report_outcome(signed: Signed, outcome: Outcome) -> None:
    """Log and count what a message came to, once that is committed.

    What is as it should be stands in the table of messages, and the access line is enough.
    """
    if outcome.paid_at is not None:
        _report_bank_time(signed, outcome.paid_at)
    if outcome.verdict in (
        CallbackOutcome.ANSWERED,
        CallbackOutcome.SETTLED,
        CallbackOutcome.REPEATED,
    ):
        return
    is_conflict = outcome.verdict is CallbackOutcome.CONFLICT
    if is_conflict:
        conflicts_total.inc()
    (log.error if is_conflict else log.info)(
        f"callback.{outcome.verdict}",
        callback_id=str(signed.id),
        partner_id=str(signed.client.partner_id),
        snap_service=signed.service.value,
        code=outcome.answer.response_code,
        first_id=str(outcome.first_id) if outcome.first_id else None,
    )


def _report_bank_time(signed: Signed, paid_at: PaidAt) -> None:
    _TIMES_USED[paid_at.use].inc()
    if paid_at.use is BankTimeUse.TOO_FAR:
        log.warning(
            "bank_time.ignored",
            callback_id=str(signed.id),
            partner_id=str(signed.client.partner_id),
            difference_s=int(paid_at.difference.total_seconds()),
        )
