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


@dataclass(frozen=True, slots=True)
class ProgrammeTotal:
    """What a payment paid for one programme over all its months, in rupiah."""

    programme: Programme
    full_amount: int
    relief_amount: int
    amount: int
    relief_basis: tuple[str, ...]


class PricedLine(PaidLine, Protocol):
    @property
    def full_amount(self) -> int: ...
    @property
    def relief_amount(self) -> int: ...
    @property
    def relief_basis(self) -> str | None: ...


def totals(lines: Sequence[PricedLine]) -> list[ProgrammeTotal]:
    """Return one total a programme paid for, JKK, JKM, JHT, with the laws that reduced it."""
    found = []
    for programme in Programme:
        own = [line for line in lines if line.programme is programme]
        if own:
            found.append(
                ProgrammeTotal(
                    programme=programme,
                    full_amount=sum(line.full_amount for line in own),
                    relief_amount=sum(line.relief_amount for line in own),
                    amount=sum(line.amount for line in own),
                    relief_basis=tuple(sorted({line.relief_basis or "" for line in own} - {""})),
                )
            )
    return found
