"""Messages of the services that move or show our money: 11, 14, 17, 18 and 36.

Source of lengths and obligations: docs/snap.md 4.2, 4.4 and 6.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from snap_bi import strict_fields
from snap_bi.fields import (
    Amount,
    Message,
    Text1,
    Text2,
    Text11,
    Text16,
    Text19,
    Text25,
    Text30,
    Text32,
    Text34,
    Text50,
    Text64,
    Text100,
    Text150,
    TimestampText,
    WholeRupiah,
)
from snap_bi.timestamps import WIB, parse_timestamp

AccountNo34 = Annotated[Text34, Field(pattern=r"^[0-9]+$")]
AccountNo19 = Annotated[Text19, Field(pattern=r"^[0-9]+$")]
_AnyCode = Annotated[str, Field(max_length=7)]
# A bank may exceed the length of the standard, and a remark without its end could lose our code.
_Remark = Annotated[str, Field(max_length=2000)]
# One page of BCA has up to 9000 rows.
_MAX_ROWS = 10_000


class BalanceRequest(Message):
    """Service 11."""

    partner_reference_no: Text64 | None = None
    account_no: AccountNo19


class BalanceInfo(Message):
    STRICT_FIELDS = strict_fields.BALANCE_INFO

    balance_type: Text50 | None = None
    available_balance: Amount


class BalanceAnswer(Message):
    STRICT_FIELDS = strict_fields.BALANCE_ANSWER

    response_code: str
    partner_reference_no: Text64 | None = None
    account_no: Text34 | None = None
    account_infos: Annotated[list[dict[str, object]], Field(min_length=1, max_length=20)]


class TransferRequest(Message):
    """Service 17, or 18 with the bank and the holder of the beneficiary."""

    partner_reference_no: Text64
    amount: WholeRupiah
    beneficiary_account_no: AccountNo34
    beneficiary_account_name: Text100 | None = None
    beneficiary_bank_code: Text11 | None = None
    currency: Annotated[str, Field(max_length=3)] | None = None
    customer_reference: Text30 | None = None
    fee_type: Text25 | None = None
    remark: Text50 | None = None
    source_account_no: AccountNo19
    transaction_date: TimestampText
    additional_info: dict[str, object] | None = None


class TransferAnswer(Message):
    """Answer to 17 or 18; the ids and the amount show whether it belongs to our transfer."""

    STRICT_FIELDS = strict_fields.TRANSFER_ANSWER

    response_code: str
    response_message: Text150 | None = None
    reference_no: Text64 | None = None
    partner_reference_no: Text64 | None = None
    amount: Amount | None = None
    beneficiary_account_no: Text34 | None = None
    beneficiary_bank_code: Text11 | None = None
    source_account_no: Text34 | None = None
    trace_no: Text16 | None = None
    additional_info: dict[str, object] | None = None


class TransferStatusRequest(Message):
    """Service 36."""

    original_partner_reference_no: Text64
    original_reference_no: Text64 | None = None
    original_external_id: Text32
    service_code: Text2
    transaction_date: TimestampText
    amount: WholeRupiah | None = None


class TransferStatusAnswer(Message):
    STRICT_FIELDS = strict_fields.TRANSFER_STATUS_ANSWER

    response_code: str
    response_message: Text150 | None = None
    latest_transaction_status: Text2
    transaction_status_desc: Text50 | None = None
    original_partner_reference_no: Text64 | None = None
    original_reference_no: Text64 | None = None
    original_external_id: Text32 | None = None
    service_code: Text2 | None = None
    amount: Amount | None = None
    source_account_no: Text34 | None = None
    beneficiary_account_no: Text34 | None = None
    reference_number: Text64 | None = None
    previous_response_code: _AnyCode | None = None
    transaction_date: TimestampText | None = None

    @property
    def executed_on(self) -> date | None:
        """The day in Jakarta that the bank states; None: it states none.

        It is that of the transaction, but at one bank that of the answer (docs/snap.md 4.4): a bank
        statement is better evidence.
        """
        if self.transaction_date is None:
            return None
        return parse_timestamp(self.transaction_date).astimezone(WIB).date()


class BankStatementRequest(Message):
    """Service 14."""

    partner_reference_no: Text64 | None = None
    account_no: AccountNo19
    from_date_time: TimestampText
    to_date_time: TimestampText


class BankStatementAnswer(Message):
    STRICT_FIELDS = strict_fields.BANK_STATEMENT_ANSWER

    response_code: str
    account_no: Text34 | None = None
    has_more: Text1 | None = None
    last_record_date_time: TimestampText | None = None
    detail_data: Annotated[list[dict[str, object]], Field(max_length=_MAX_ROWS)] | None = None


class BankStatementDetail(Message):
    """One row of detailData."""

    STRICT_FIELDS = strict_fields.BANK_STATEMENT_DETAIL

    amount: Amount
    transaction_date: TimestampText
    type: Annotated[str, Field(max_length=16)]
    remark: _Remark = ""
    transaction_id: Text64 | None = None
    transaction_detail_status: Text50 | None = None
