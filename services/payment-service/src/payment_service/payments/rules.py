"""What a settled payment means for the books and for the member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from payment_service.bills.rules import LockedBill
from payment_service.ledger.rules import (
    NewTransfer,
    TransferCode,
    bank_collection,
    bpjs_payable,
)
from payment_service.tariffs.rules import Programme
from perisai_kit.domain.errors import NotFound
from perisai_kit.domain.month import Month


class PaymentNotFound(NotFound):
    code = "payment_not_found"
    text = "There is no such payment, or you may not see it."
    text_id = "Pembayaran tidak ditemukan, atau Anda tidak berwenang melihatnya."


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A bank's word that its customer has paid a bill. amount: rupiah.

    trx_date_time: the bank's instant of the payment. received_at: when the word came.
    """

    partner_id: UUID
    payment_request_id: str
    amount: int
    trx_date_time: datetime
    received_at: datetime
    channel_code: str | None = None
    reference_no: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A payment to be booked: its id, the bank's word, and the bill, which is locked."""

    payment_id: UUID
    notice: Notice
    bill: LockedBill


class PaidLine(Protocol):
    """A bill's line: one programme of one month, amount in rupiah > 0."""

    @property
    def month(self) -> Month: ...
    @property
    def programme(self) -> Programme: ...
    @property
    def amount(self) -> int: ...


def transfers(
    *, payment_id: UUID, partner_id: UUID, business_on: date, lines: Sequence[PaidLine]
) -> list[NewTransfer]:
    """Return the postings of a payment: from the bank to BPJS, one a programme and month.

    Keys come from the payment, so that booking it again books nothing.
    """
    cause = f"payment:{payment_id}"
    collected = bank_collection(partner_id)
    return [
        NewTransfer(
            debit=collected,
            credit=bpjs_payable(line.programme, line.month),
            amount=line.amount,
            code=TransferCode.CONTRIBUTION_RECEIVED,
            key=f"{cause}:{line.programme}:{line.month}",
            cause=cause,
            business_on=business_on,
        )
        for line in lines
    ]
