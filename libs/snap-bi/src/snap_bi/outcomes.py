"""Classify the answer of a bank to our call: executed, not executed, or unknown.

Unknown does not mean failed. A status inquiry and the bank statement must resolve it before the
call is sent again. Every answer that is not listed here is unknown.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from snap_bi.codes import ResponseCode, Service


class Outcome(StrEnum):
    EXECUTED = "executed"
    NOT_EXECUTED = "not_executed"
    UNKNOWN = "unknown"


class BankPaymentStatus(StrEnum):
    """Status of a payment into a virtual account, as the bank reports it (service 26)."""

    PAID = "paid"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    PENDING = "pending"
    NOT_FOUND = "not_found"  # does not prove that nothing was paid: banks search one or two days
    UNKNOWN = "unknown"


_STATUSES_BY_FLAG = {
    "00": BankPaymentStatus.PAID,
    "01": BankPaymentStatus.REJECTED,
    "02": BankPaymentStatus.TIMED_OUT,
    "03": BankPaymentStatus.PENDING,
}
_REFUSING_STATUSES = frozenset({400, 401, 403, 429})
# Routing, bank not supported, invalid account, invalid amount.
_REFUSING_404 = frozenset({"02", "03", "11", "13"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """One call and its outcome; the token in `string_to_sign` is masked.

    `body` is the parsed answer. It may hold personal data, so never log it.
    `was_sent` is False if and only if the bank refused the token that the call needs.
    """

    outcome: Outcome
    external_id: str
    timestamp: str = ""
    string_to_sign: str = ""
    http_status: int | None = None
    code: ResponseCode | None = None
    message: str = ""
    body: dict[str, object] | None = None
    was_sent: bool = True


def classify(service: Service, http_status: int, code: ResponseCode | None) -> Outcome:
    """Return the outcome of a complete answer.

    404xx18, 409xx00 and 409xx01 refer to an earlier attempt, so they are unknown until a status
    inquiry. So is a code of another service, or one that contradicts the HTTP status.
    """
    if code is None or code.service != service or code.http_status != http_status:
        return Outcome.UNKNOWN
    if http_status == 200 and code.case_code == "00":
        return Outcome.EXECUTED
    refused_404 = http_status == 404 and code.case_code in _REFUSING_404
    if http_status in _REFUSING_STATUSES or refused_404:
        return Outcome.NOT_EXECUTED
    return Outcome.UNKNOWN


def mark_unknown(result: CallResult) -> CallResult:
    """Return the result of a call whose answer cannot be used."""
    return replace(result, outcome=Outcome.UNKNOWN, body=None)


def read_payment_status(result: CallResult, flag: str | None) -> BankPaymentStatus:
    """Return the status from the answer to a status inquiry; `flag` is its paymentFlagStatus.

    Only a successful answer has a valid flag. A flag outside the standard is unknown.
    """
    if result.outcome is Outcome.EXECUTED:
        return _STATUSES_BY_FLAG.get(flag or "", BankPaymentStatus.UNKNOWN)
    code = result.code
    if code == ResponseCode(404, Service.PAYMENT_STATUS, "01") and result.http_status == 404:
        return BankPaymentStatus.NOT_FOUND
    return BankPaymentStatus.UNKNOWN
