"""Response codes: HTTP status, service and case, as seven digits such as 4042514.

Source: https://apidevportal.aspi-indonesia.or.id/api-services/keamanan (cases and messages, the
spelling mistakes of the standard included).
"""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Self

from snap_bi.errors import FieldProblem, ProblemKind

MESSAGE_LENGTH = 150
_CODE = re.compile(r"[1-5][0-9]{6}")


class Service(StrEnum):
    """Service codes that this platform serves, calls or may meet in an answer."""

    BALANCE_INQUIRY = "11"
    BANK_STATEMENT = "14"
    ACCOUNT_INQUIRY_INTERNAL = "15"
    ACCOUNT_INQUIRY_EXTERNAL = "16"
    TRANSFER_INTRABANK = "17"
    TRANSFER_INTERBANK = "18"
    TRANSFER_RTGS = "22"
    TRANSFER_SKN = "23"
    INQUIRY = "24"
    PAYMENT = "25"
    PAYMENT_STATUS = "26"
    TRANSFER_STATUS = "36"
    ACCESS_TOKEN = "73"


class Case(Enum):
    """A case of the standard: HTTP status, case code, message; `{}` stands for the detail."""

    SUCCESSFUL = (200, "00", "Successful")
    IN_PROGRESS = (202, "00", "Request In Progress")
    BAD_REQUEST = (400, "00", "Bad Request")
    INVALID_FIELD_FORMAT = (400, "01", "Invalid Field Format {}")
    INVALID_MANDATORY_FIELD = (400, "02", "Invalid Mandatory Field {}")
    UNAUTHORIZED = (401, "00", "Unauthorized. [{}]")
    INVALID_TOKEN = (401, "01", "Invalid Token (B2B)")
    INVALID_CUSTOMER_TOKEN = (401, "02", "Invalid Customer Token")
    TOKEN_NOT_FOUND = (401, "03", "Token Not Found (B2B)")
    CUSTOMER_TOKEN_NOT_FOUND = (401, "04", "Customer Token Not Found")
    TRANSACTION_EXPIRED = (403, "00", "Transaction Expired")
    FEATURE_NOT_ALLOWED = (403, "01", "Feature Not Allowed [{}]")
    EXCEEDS_AMOUNT_LIMIT = (403, "02", "Exceeds Transaction Amount Limit")
    SUSPECTED_FRAUD = (403, "03", "Suspected Fraud")
    COUNT_LIMIT_EXCEEDED = (403, "04", "Activity Count Limit Exceeded")
    DO_NOT_HONOR = (403, "05", "Do Not Honor")
    NOT_ALLOWED_AT_THIS_TIME = (403, "06", "Feature Not Allowed At This Time. [{}]")
    INSUFFICIENT_FUNDS = (403, "14", "Insufficient Funds")
    TRANSACTION_NOT_PERMITTED = (403, "15", "Transaction Not Permitted.[{}]")
    SUSPEND_TRANSACTION = (403, "16", "Suspend Transaction")
    INACTIVE_ACCOUNT = (403, "18", "Inactive Card/Account/Customer")
    INVALID_TRANSACTION_STATUS = (404, "00", "Invalid Transaction Status")
    TRANSACTION_NOT_FOUND = (404, "01", "Transaction Not Found")
    INVALID_ROUTING = (404, "02", "Invalid Routing")
    BANK_NOT_SUPPORTED = (404, "03", "Bank Not Supported By Switch")
    INVALID_ACCOUNT = (404, "11", "Invalid Card/Account/Customer [{}]/Virtual Account")
    INVALID_BILL = (404, "12", "Invalid Bill/Virtual Account [{}]")
    INVALID_AMOUNT = (404, "13", "Invalid Amount")
    PAID_BILL = (404, "14", "Paid Bill")
    PARTNER_NOT_FOUND = (404, "16", "Partner Not Found")
    INCONSISTENT_REQUEST = (404, "18", "Inconsistent Request")
    EXPIRED_BILL = (404, "19", "Invalid Bill/Virtual Account")
    FUNCTION_NOT_SUPPORTED = (405, "00", "Requested Function Is Not Supported")
    OPERATION_NOT_ALLOWED = (405, "01", "Requested Opearation Is Not Allowed")
    CONFLICT = (409, "00", "Conflict")
    DUPLICATE_REFERENCE = (409, "01", "Duplicate partnerReferenceNo")
    TOO_MANY_REQUESTS = (429, "00", "Too Many Requests")
    GENERAL_ERROR = (500, "00", "General Error")
    INTERNAL_ERROR = (500, "01", "Internal Server Error")
    EXTERNAL_ERROR = (500, "02", "External Server Error")
    TIMEOUT = (504, "00", "Timeout")

    def __init__(self, http_status: int, case_code: str, text: str) -> None:
        self.http_status = http_status
        self.case_code = case_code
        self._text = text
        # Remove the brackets as well: "Unauthorized. []" would be noise.
        bare = text.replace(" [{}]", "").replace("[{}]", "").replace("{}", "").strip()
        self._bare_text = bare[:MESSAGE_LENGTH]

    def message(self, detail: str | None = None) -> str:
        """Return responseMessage, at most 150 characters.

        `detail` is a field name or a fixed word such as `Signature`, and never a received value.
        """
        if detail is None:
            return self._bare_text
        return self._text.replace("{}", detail, 1)[:MESSAGE_LENGTH]


@cache  # services and cases are few, and every answer asks
def format_response_code(service: Service, case: Case) -> str:
    """Return the seven digits; 4042514 is PAID_BILL on service 25."""
    return f"{case.http_status}{service}{case.case_code}"


@dataclass(frozen=True, slots=True)
class ResponseCode:
    """A parsed code of a bank; a case that `Case` does not list keeps its two digits."""

    http_status: int
    service: str
    case_code: str

    def __str__(self) -> str:
        return f"{self.http_status}{self.service}{self.case_code}"

    @classmethod
    def parse(cls, text: object) -> Self | None:
        """Parse seven digits; return None for other text (BRI documents a six-digit code)."""
        if not isinstance(text, str) or _CODE.fullmatch(text) is None:
            return None
        return cls(int(text[:3]), text[3:5], text[5:])


def find_case(service: Service, problem: FieldProblem) -> Case:
    """Return the case of a missing or malformed field.

    The standard lists a wrong grantType as 4007300, not as a field format.
    """
    if problem.kind is ProblemKind.MISSING:
        return Case.INVALID_MANDATORY_FIELD
    if service is Service.ACCESS_TOKEN and problem.field == "grantType":
        return Case.BAD_REQUEST
    return Case.INVALID_FIELD_FORMAT
