"""What a bank answers to our questions about an account (15, 16) and about a payment (26)."""

from dataclasses import dataclass

from snap_bi.errors import FieldProblem, VirtualAccountMismatch
from snap_bi.messages import AccountInquiryAnswer, PaymentStatusAnswer, PaymentStatusData
from snap_bi.outcomes import (
    BankPaymentStatus,
    CallResult,
    Outcome,
    mark_unknown,
    read_payment_status,
)
from snap_bi.virtual_account import VirtualAccount, read_virtual_account


@dataclass(frozen=True, slots=True)
class AccountInquiry:
    """Result of an account inquiry; `answer` is set if and only if the outcome is EXECUTED."""

    result: CallResult
    answer: AccountInquiryAnswer | None = None


@dataclass(frozen=True, slots=True)
class PaymentInquiry:
    """Result of a status inquiry.

    `answer` is set if and only if the bank stated the status of the payment in question.
    """

    result: CallResult
    status: BankPaymentStatus
    answer: PaymentStatusData | None = None


def read_account_inquiry(result: CallResult) -> AccountInquiry:
    """Read the answer to an account inquiry; one without its fields is unknown."""
    if result.outcome is not Outcome.EXECUTED or result.body is None:
        return AccountInquiry(result)
    try:
        return AccountInquiry(result, AccountInquiryAnswer.read(result.body))
    except FieldProblem:
        return AccountInquiry(mark_unknown(result))


def read_payment_inquiry(
    result: CallResult, account: VirtualAccount, payment_request_id: str
) -> PaymentInquiry:
    """Read the answer to a status inquiry; one about another payment is unknown."""
    if result.outcome is not Outcome.EXECUTED or result.body is None:
        return PaymentInquiry(result, read_payment_status(result, None))
    try:
        data = PaymentStatusAnswer.read(result.body).virtual_account_data
    except FieldProblem:
        return PaymentInquiry(mark_unknown(result), BankPaymentStatus.UNKNOWN)
    if _is_other(account, data.virtual_account_no) or data.payment_request_id not in (
        None,
        payment_request_id,
    ):
        # The answer is about another payment.
        return PaymentInquiry(mark_unknown(result), BankPaymentStatus.UNKNOWN)
    return PaymentInquiry(result, read_payment_status(result, data.payment_flag_status), data)


def _is_other(account: VirtualAccount, number: str | None) -> bool:
    if number is None:
        return False
    try:
        read_virtual_account(
            company_code=account.company_code,
            customer_no=account.customer_no,
            virtual_account_no=number,
        )
    except VirtualAccountMismatch:
        return True
    return False
