"""What a bank's answer says about a transfer: executed, not executed, or unknown; and its status.

Source: docs/snap.md 4.4 and 4.5. Whatever is not listed there is unknown.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from snap_bi.codes import ResponseCode, Service
from snap_bi.errors import FieldProblem
from snap_bi.fields import Amount, format_amount
from snap_bi.outcomes import CallResult, Outcome, mark_unknown
from snap_bi.transfer_messages import TransferAnswer, TransferStatusAnswer
from snap_bi.transfer_rules import InterbankRoute, TransferRules


class Refusal(StrEnum):
    """Why a bank did not execute a transfer, by what can be done about it."""

    NOT_SENT = "not_sent"  # no token was issued, so the transfer was never sent
    TOKEN = "token"  # the bank did not accept the token
    BUSY = "busy"  # too many requests
    FUNDS = "funds"
    LIMIT = "limit"  # of an amount or a number of transfers
    CLOSED = "closed"  # outside the hours of the bank
    BENEFICIARY = "beneficiary"  # the account or its bank cannot be paid
    REQUEST = "request"  # anything else: our request or our contract is wrong

    @property
    def may_repeat(self) -> bool:
        """Whether a new attempt, under new ids, may succeed without a change by an officer."""
        return self in (Refusal.NOT_SENT, Refusal.TOKEN, Refusal.BUSY)


_REFUSALS = {
    (401, "01"): Refusal.TOKEN,
    (403, "02"): Refusal.LIMIT,
    (403, "04"): Refusal.LIMIT,
    (403, "06"): Refusal.CLOSED,
    (403, "14"): Refusal.FUNDS,
    (403, "15"): Refusal.BENEFICIARY,
    (403, "18"): Refusal.BENEFICIARY,
    (404, "02"): Refusal.BENEFICIARY,
    (404, "03"): Refusal.BENEFICIARY,
    (404, "11"): Refusal.BENEFICIARY,
}


class BankTransferStatus(StrEnum):
    """Status of a transfer, as the bank reports it (service 36)."""

    PAID = "paid"
    PENDING = "pending"
    RETURNED = "returned"  # the money came back to our account
    FAILED = "failed"
    NOT_FOUND = "not_found"  # does not prove that nothing was executed
    UNKNOWN = "unknown"


_STATUSES = {
    "00": BankTransferStatus.PAID,
    "01": BankTransferStatus.PENDING,
    "02": BankTransferStatus.PENDING,
    "03": BankTransferStatus.PENDING,
    "04": BankTransferStatus.RETURNED,
    "05": BankTransferStatus.FAILED,
    "06": BankTransferStatus.FAILED,
    "07": BankTransferStatus.NOT_FOUND,
}
_NOT_FOUND = ResponseCode(404, Service.TRANSFER_STATUS, "01")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOrder:
    """One attempt at a transfer. Store it before the call: its status is asked with the same ids.

    amount: whole rupiah, > 0. requested_at: X-TIMESTAMP and transactionDate, truncated to what the
    bank's timestamps carry (`DisbursementClient.new_timestamp`). beneficiary_bank_code: None for an
    account at the bank itself (service 17); otherwise the transfer is a service 18.
    remark: letters, digits and blanks, with the code that finds the transfer in a bank statement
    (`build_remark`). route: of service 18; None: the default of the bank.
    """

    partner_reference_no: str
    external_id: str
    requested_at: datetime
    amount: int
    source_account_no: str = field(repr=False)
    beneficiary_account_no: str = field(repr=False)
    beneficiary_name: str = field(repr=False)
    beneficiary_bank_code: str | None = None
    customer_reference: str = ""
    remark: str = ""
    route: InterbankRoute | None = None

    @property
    def service(self) -> Service:
        if self.beneficiary_bank_code is None:
            return Service.TRANSFER_INTRABANK
        return Service.TRANSFER_INTERBANK


@dataclass(frozen=True, slots=True)
class TransferResult:
    """The result of a transfer.

    `answer` is set if and only if the outcome is EXECUTED, `refusal` if and only if NOT_EXECUTED.
    """

    result: CallResult
    answer: TransferAnswer | None = None
    refusal: Refusal | None = None

    @property
    def outcome(self) -> Outcome:
        return self.result.outcome


@dataclass(frozen=True, slots=True)
class TransferInquiry:
    """The result of a status inquiry (36).

    `answer` is set if and only if the bank stated the status of the transfer in question.
    """

    result: CallResult
    status: BankTransferStatus
    answer: TransferStatusAnswer | None = None


def read_transfer(result: CallResult, order: TransferOrder, rules: TransferRules) -> TransferResult:
    """Read the answer to a transfer. An answer that contradicts the order is unknown."""
    match result.outcome:
        case Outcome.EXECUTED:
            return _read_executed(result, order)
        case Outcome.NOT_EXECUTED:
            code = result.code
            key = (code.http_status, code.case_code) if code else None
            if result.was_sent and rules.refusals is not None and key not in rules.refusals:
                return TransferResult(mark_unknown(result))
            return TransferResult(result, refusal=_read_refusal(result))
        case Outcome.UNKNOWN:
            return TransferResult(result)


def read_transfer_status(result: CallResult, order: TransferOrder) -> TransferInquiry:
    """Read the answer to a status inquiry. An answer about another transfer is unknown."""
    if result.outcome is not Outcome.EXECUTED or result.body is None:
        is_not_found = result.code == _NOT_FOUND and result.http_status == 404
        status = BankTransferStatus.NOT_FOUND if is_not_found else BankTransferStatus.UNKNOWN
        return TransferInquiry(result, status)
    try:
        answer = TransferStatusAnswer.read(result.body)
    except FieldProblem:
        return TransferInquiry(mark_unknown(result), BankTransferStatus.UNKNOWN)
    stated = (
        (answer.original_partner_reference_no, order.partner_reference_no),
        (answer.original_external_id, order.external_id),
        (answer.service_code, order.service.value),
        (answer.beneficiary_account_no, order.beneficiary_account_no),
        (answer.source_account_no, order.source_account_no),
    )
    if _contradict(stated) or not _is_amount(answer.amount, order.amount):
        return TransferInquiry(mark_unknown(result), BankTransferStatus.UNKNOWN)
    status = _STATUSES.get(answer.latest_transaction_status, BankTransferStatus.UNKNOWN)
    return TransferInquiry(result, status, answer)


def _read_executed(result: CallResult, order: TransferOrder) -> TransferResult:
    try:
        answer = TransferAnswer.read(result.body or {})
    except FieldProblem:
        return TransferResult(mark_unknown(result))
    stated = (
        (answer.partner_reference_no, order.partner_reference_no),
        (answer.beneficiary_account_no, order.beneficiary_account_no),
        (answer.source_account_no, order.source_account_no),
    )
    if _contradict(stated) or not _is_amount(answer.amount, order.amount):
        return TransferResult(mark_unknown(result))
    return TransferResult(result, answer)


def _read_refusal(result: CallResult) -> Refusal:
    if not result.was_sent:
        return Refusal.NOT_SENT
    code = result.code
    if code is None:
        return Refusal.REQUEST
    if code.http_status == 429:
        return Refusal.BUSY
    return _REFUSALS.get((code.http_status, code.case_code), Refusal.REQUEST)


def _contradict(pairs: tuple[tuple[str | None, str], ...]) -> bool:
    return any(stated is not None and stated.strip() != ours for stated, ours in pairs)


def _is_amount(stated: Amount | None, amount: int) -> bool:
    return stated is None or stated.value == format_amount(amount)["value"]
