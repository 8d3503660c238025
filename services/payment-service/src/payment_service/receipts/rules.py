"""Which bill a receipt is for, and what it adds up. Source: docs/domain.md, Payment channels."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from perisai_kit.domain.errors import Invalid, NotFound
from perisai_kit.domain.programmes import Programme


class ReceiptNotFound(NotFound):
    code = "receipt_not_found"
    text = "This payment has not paid this bill, so there is no receipt."
    text_id = "Pembayaran ini tidak melunasi tagihan tersebut, jadi tidak ada bukti pembayarannya."


class BillNotNamed(Invalid):
    """`details`: `bill_ids`, those that the payment has paid and that the subject may see."""

    code = "bill_not_named"
    text = "This payment has paid several bills. Say with bill_id which receipt you want."
    text_id = "Pembayaran ini melunasi beberapa tagihan. Pilih tagihan yang bukti bayarnya diminta."


def choose_bill(paid: Collection[UUID], asked: UUID | None) -> UUID:
    """Return the bill that a receipt is for. paid: the bills that the payment has paid.

    Raises: ReceiptNotFound; BillNotNamed where there are several and none is asked for.
    """
    if asked is None and len(paid) > 1:
        raise BillNotNamed(field="bill_id", bill_ids=sorted(map(str, paid)))
    if not paid or (asked is not None and asked not in paid):
        raise ReceiptNotFound
    return asked or next(iter(paid))


@dataclass(frozen=True, slots=True)
class ProgrammeTotal:
    """What a payment paid for one programme over all its months, in rupiah."""

    programme: Programme
    full_amount: int
    relief_amount: int
    amount: int
    relief_basis: tuple[str, ...]


class PricedLine(Protocol):
    """A line of a paid bill: one programme of one month, in rupiah."""

    @property
    def programme(self) -> Programme: ...
    @property
    def amount(self) -> int: ...
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
