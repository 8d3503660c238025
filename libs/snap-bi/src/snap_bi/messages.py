"""Models of the requests of banks and of their answers to our inquiries.

Source of lengths and obligations: https://apidevportal.aspi-indonesia.or.id (access token, virtual
account 24 and 25, account inquiry 15 and 16). The three id strings are kept as received, because
the answer must echo them unchanged; virtual_account.py compares them. strict_fields.py lists the
fields that are validated strictly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field

from snap_bi import strict_fields
from snap_bi.fields import (
    Amount,
    Message,
    NumberText1,
    NumberText4,
    PaddedDigits8,
    PaddedDigits20,
    PaddedDigits28,
    Text1,
    Text2,
    Text6,
    Text11,
    Text16,
    Text30,
    Text32,
    Text34,
    Text50,
    Text64,
    Text100,
    Text128,
    Text255,
    TimestampText,
    WholeRupiah,
)
from snap_bi.profiles import Profile
from snap_bi.timestamps import parse_timestamp

# Limits of the standard: paidBills has 24 bits, one per bill.
MAX_BILLS = 24
MAX_FREE_TEXTS = 25

BillDetails = Annotated[list[dict[str, object]], Field(max_length=MAX_BILLS)]
FreeTexts = Annotated[list[dict[str, object]], Field(max_length=MAX_FREE_TEXTS)]


class TokenRequest(Message):
    """Service 73: request of an access token. The client id is in X-CLIENT-KEY."""

    STRICT_FIELDS = strict_fields.TOKEN_REQUEST

    grant_type: Literal["client_credentials"]
    additional_info: dict[str, object] | None = None


class TokenAnswer(Message):
    STRICT_FIELDS = strict_fields.TOKEN_ANSWER

    response_code: str | None = None  # BRI sends none on success
    response_message: str | None = None
    access_token: Annotated[str, Field(max_length=2048)]
    token_type: str = "Bearer"
    expires_in: Annotated[str, Field(pattern=r"^[0-9]{1,6}$", coerce_numbers_to_str=True)]
    additional_info: dict[str, object] | None = None


class VirtualAccountRequest(Message):
    """Fields that services 24 and 25 share."""

    partner_service_id: PaddedDigits8
    customer_no: PaddedDigits20
    virtual_account_no: PaddedDigits28
    channel_code: NumberText4 | None = None
    hashed_source_account_no: Text32 | None = None
    source_bank_code: Text11 | None = None
    additional_info: dict[str, object] | None = None

    @classmethod
    def read_for(
        cls, profile: Profile, data: Mapping[str, object], *, dropped: set[str] | None = None
    ) -> Self:
        """Validate under a partner's profile; some banks send customerNo as a JSON number.

        dropped: as in `read`.
        Raises: FieldProblem, as in `read`.
        """
        number = data.get("customerNo")
        if profile.allows_number_customer_no and type(number) is int:
            data = {**data, "customerNo": str(number)}
        return cls.read(data, dropped=dropped)


class InquiryRequest(VirtualAccountRequest):
    """Service 24: inquiry whether a virtual account can be paid, and how much."""

    STRICT_FIELDS = strict_fields.INQUIRY

    inquiry_request_id: Text128
    # The table of the standard says trxDateInit, its sample txnDateInit.
    trx_date_init: TimestampText | None = Field(
        default=None, validation_alias=AliasChoices("trxDateInit", "txnDateInit")
    )
    language: Text2 | None = None
    amount: Amount | None = None
    pass_app: Text64 | None = None


class PaymentRequest(VirtualAccountRequest):
    """Service 25: payment flag, the report of a payment."""

    STRICT_FIELDS = strict_fields.PAYMENT

    payment_request_id: Text128
    paid_amount: WholeRupiah
    trx_id: Text64 | None = None
    virtual_account_name: Text255 | None = None
    virtual_account_email: Text255 | None = None
    virtual_account_phone: Text30 | None = None
    cumulative_payment_amount: Amount | None = None
    paid_bills: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{1,6}$")] | None = None
    total_amount: Amount | None = None
    trx_date_time: TimestampText | None = None
    reference_no: Text64 | None = None
    journal_num: Text6 | None = None
    payment_type: NumberText1 | None = None
    flag_advise: Text1 | None = None
    sub_company: Annotated[str, Field(max_length=5)] | None = None
    bill_details: BillDetails | None = None
    free_texts: FreeTexts | None = None

    @property
    def trx_at(self) -> datetime | None:
        """The time of payment that the bank states, or None."""
        return parse_timestamp(self.trx_date_time) if self.trx_date_time else None


class AccountInquiryRequest(Message):
    """Account inquiry: service 15 (same bank) or 16 (another bank, with its code)."""

    partner_reference_no: Text64 | None = None
    beneficiary_account_no: Annotated[Text34, Field(pattern=r"^[0-9]+$")]
    beneficiary_bank_code: Text11 | None = None
    additional_info: dict[str, object] | None = None


class AccountInquiryAnswer(Message):
    STRICT_FIELDS = strict_fields.ACCOUNT_INQUIRY_ANSWER

    response_code: str
    response_message: str | None = None
    reference_no: Text64 | None = None
    partner_reference_no: Text64 | None = None
    beneficiary_account_name: Text100
    beneficiary_account_no: Text34 | None = None
    beneficiary_account_status: Text16 | None = None
    beneficiary_account_type: Text1 | None = None
    beneficiary_bank_code: Text11 | None = None
    beneficiary_bank_name: Text50 | None = None
    currency: Annotated[str, Field(max_length=3)] | None = None


class PaymentStatusRequest(Message):
    """Service 26: status inquiry. Banks use one id for the inquiry and the payment."""

    partner_service_id: PaddedDigits8
    customer_no: PaddedDigits20
    virtual_account_no: PaddedDigits28
    inquiry_request_id: Text128 | None = None
    payment_request_id: Text128 | None = None
    additional_info: dict[str, object] | None = None


class PaymentStatusData(Message):
    """virtualAccountData of an answer to 26; fields that are not used here are omitted."""

    STRICT_FIELDS = strict_fields.PAYMENT_STATUS_DATA

    payment_flag_status: Text2
    partner_service_id: PaddedDigits8 | None = None
    customer_no: PaddedDigits20 | None = None
    virtual_account_no: PaddedDigits28 | None = None
    inquiry_request_id: Text128 | None = None
    payment_request_id: Text128 | None = None
    paid_amount: Amount | None = None
    total_amount: Amount | None = None
    trx_date_time: TimestampText | None = None
    transaction_date: TimestampText | None = None
    reference_no: Text64 | None = None


class PaymentStatusAnswer(Message):
    STRICT_FIELDS = strict_fields.PAYMENT_STATUS_ANSWER

    response_code: str
    response_message: Text255 | None = None
    virtual_account_data: PaymentStatusData


@dataclass(frozen=True, slots=True)
class Echo:
    """The id strings of a request that may be malformed, to be repeated in a refusal."""

    partner_service_id: str = ""
    customer_no: str = ""
    virtual_account_no: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Self:
        """Keep values that are printable text of valid length; others become empty."""
        return cls(
            _keep_valid_text(data.get("partnerServiceId"), 8),
            _keep_valid_text(data.get("customerNo"), 20),
            _keep_valid_text(data.get("virtualAccountNo"), 28),
            _keep_valid_text(data.get("paymentRequestId") or data.get("inquiryRequestId"), 128),
        )


def _keep_valid_text(value: object, length: int) -> str:
    is_valid = isinstance(value, str) and len(value) <= length and value.isprintable()
    return str(value) if is_valid else ""
