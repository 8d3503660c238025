"""What a bank's answer to our call means: done, certainly not done, or unknown.

Unknown is never "failed": it is settled by a status inquiry and the statement before anything is
sent again. Everything that is not named here is unknown.
"""

from dataclasses import dataclass
from enum import StrEnum

from snap_bi.codes import ResponseCode, Service


class Outcome(StrEnum):
    EXECUTED = "executed"
    NOT_EXECUTED = "not_executed"
    UNKNOWN = "unknown"


class PaymentState(StrEnum):
    """What a bank says has become of a payment into a virtual account (service 26)."""

    PAID = "paid"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    PENDING = "pending"
    NOT_FOUND = "not_found"  # no proof that nothing was paid: banks know a day or two
    UNKNOWN = "unknown"


_STATES = {
    "00": PaymentState.PAID,
    "01": PaymentState.REJECTED,
    "02": PaymentState.TIMED_OUT,
    "03": PaymentState.PENDING,
}
_REFUSING_STATUSES = frozenset({400, 401, 403, 429})
# Routing, bank not supported, invalid account, invalid amount.
_REFUSING_404 = frozenset({"02", "03", "11", "13"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """One call and its outcome; `string_to_sign` has its token masked.

    `body` is the parsed answer and may name people: it belongs in no log.
    """

    outcome: Outcome
    external_id: str
    timestamp: str = ""
    string_to_sign: str = ""
    http_status: int | None = None
    code: ResponseCode | None = None
    message: str = ""
    body: dict[str, object] | None = None


def classify(service: Service, http_status: int, code: ResponseCode | None) -> Outcome:
    """Return the outcome of an answer that arrived whole.

    404xx18, 409xx00 and 409xx01 speak of an earlier attempt: unknown until its status is asked.
    A code of another service, or one that contradicts the HTTP status, is not an answer at all.
    """
    if code is None or code.service != service or code.http_status != http_status:
        return Outcome.UNKNOWN
    if http_status == 200 and code.case_code == "00":
        return Outcome.EXECUTED
    refused_404 = http_status == 404 and code.case_code in _REFUSING_404
    if http_status in _REFUSING_STATUSES or refused_404:
        return Outcome.NOT_EXECUTED
    return Outcome.UNKNOWN


def read_payment_state(result: CallResult, flag: str | None) -> PaymentState:
    """Return what the answer to a status inquiry says; `flag` is its paymentFlagStatus.

    A flag counts in an answer of success only, and one that the standard does not know is unknown.
    """
    if result.outcome is Outcome.EXECUTED:
        return _STATES.get(flag or "", PaymentState.UNKNOWN)
    code = result.code
    if code == ResponseCode(404, Service.PAYMENT_STATUS, "01") and result.http_status == 404:
        return PaymentState.NOT_FOUND
    return PaymentState.UNKNOWN
