"""How a bank reads our answer to a payment flag: what becomes of the customer's money.

Used by the test bank and by tests, so that "the right code" is judged by its consequence.
Sources: BCA, Virtual Account untuk Biller; BRI, BRIVA Online SNAP BI (its table of actions).
"""

from enum import StrEnum

from snap_bi.codes import ResponseCode, Service
from snap_bi.errors import BodyInvalid
from snap_bi.profiles import DoubtAnswer, Profile
from snap_bi.strict_json import parse_object


class BankReading(StrEnum):
    PAID = "paid"
    REJECTED = "rejected"
    REVERSED = "reversed"  # the customer gets the money back
    SUSPENDED = "suspended"  # the bank keeps the credit until reconciliation
    TIMED_OUT = "timed_out"


_REVERSING = frozenset({202, 400, 401, 403, 404, 405, 409})
# The standard: for a payment of a virtual account 404xx18 is to be read as success.
_INCONSISTENT = "18"


def read_payment_answer(profile: Profile, body: bytes) -> BankReading:
    """Return what the bank does after this answer; no body or no code means no answer."""
    code, flag = _code_and_flag(body)
    if code is not None and code.http_status >= 500 and _keeps_on_error(profile):
        return BankReading.SUSPENDED
    if profile.reverses_on_refusal:
        return _reversing(code, flag)
    return _rejecting(code, flag)


def _keeps_on_error(profile: Profile) -> bool:
    return profile.doubt_answer is DoubtAnswer.GENERAL_ERROR


def _rejecting(code: ResponseCode | None, flag: str | None) -> BankReading:
    if code is None:
        return BankReading.TIMED_OUT
    is_inconsistent = code.http_status == 404 and code.case_code == _INCONSISTENT
    if code.http_status not in (200, 202) and not is_inconsistent:
        return BankReading.REJECTED
    if flag == "00":
        return BankReading.PAID
    return BankReading.TIMED_OUT if flag in (None, "02") else BankReading.REJECTED


def _reversing(code: ResponseCode | None, flag: str | None) -> BankReading:
    if code is None:
        return BankReading.SUSPENDED
    if code.http_status == 200:
        by_flag = {"00": BankReading.PAID, "01": BankReading.REVERSED}
        return by_flag.get(flag or "", BankReading.SUSPENDED)
    return BankReading.REVERSED if code.http_status in _REVERSING else BankReading.SUSPENDED


def _code_and_flag(body: bytes) -> tuple[ResponseCode | None, str | None]:
    try:
        answer = parse_object(body)
    except BodyInvalid:
        return None, None
    code = ResponseCode.parse(answer.get("responseCode"))
    if code is None or code.service != Service.PAYMENT:
        return None, None
    data = answer.get("virtualAccountData")
    flag = data.get("paymentFlagStatus") if isinstance(data, dict) else None
    return code, flag if isinstance(flag, str) else None
