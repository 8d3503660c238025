"""Interpret our answer to a payment flag as the bank does: what happens to the customer's money.

The fake bank and tests use it, so that tests check the consequence of an answer, not its code.
Sources: BCA, Virtual Account untuk Biller; BRI, BRIVA Online SNAP BI (table of actions).
"""

from snap_bi.codes import ResponseCode, Service
from snap_bi.errors import BodyInvalid
from snap_bi.profiles import BankReading, FirstReading, Profile
from snap_bi.strict_json import parse_object

__all__ = ["BankReading", "read_payment_answer"]

_REFUSALS = frozenset({400, 401, 403, 404, 405, 409})
# The standard: on a payment flag 404xx18 means success.
_INCONSISTENT = (404, "18")


def read_payment_answer(profile: Profile, body: bytes) -> BankReading:
    """Return the bank's action after this answer; a body without a code counts as no answer."""
    code, flag = _parse_code_and_flag(body)
    reading = profile.first_reading
    if code is None:
        return reading.silence
    if code.http_status == 202:
        return reading.in_progress or _read_flag(reading, flag)
    if (code.http_status, code.case_code) == _INCONSISTENT:
        return reading.inconsistent or _read_flag(reading, flag)
    if code.http_status == 200:
        return _read_flag(reading, flag)
    return reading.refusal if code.http_status in _REFUSALS else reading.failure


def _read_flag(reading: FirstReading, flag: str | None) -> BankReading:
    if flag == "00":
        return BankReading.PAID
    if flag in (None, "02"):
        return reading.doubt
    return reading.refusal if flag == "01" else reading.unknown_flag


def _parse_code_and_flag(body: bytes) -> tuple[ResponseCode | None, str | None]:
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
