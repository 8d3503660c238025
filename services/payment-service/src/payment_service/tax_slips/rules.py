"""What is said of a slip besides its figures. Source: docs/tax.md."""

from dataclasses import dataclass
from uuid import UUID

from payment_service.counting.rules import BeneficiaryKind
from payment_service.taxes.rules import TaxKind
from perisai_kit.domain.errors import NotFound
from perisai_kit.domain.month import Month

NOTICE = "draft, check with a tax adviser"
NOTICE_ID = "draf, periksakan kepada konsultan pajak"
FORMS = {TaxKind.PPH21: "1721-VI"}
"""The form of a slip, in the older format: one source [S34]. None was found for PPh 23."""
FIRST_YEAR = 2024
"""There is no table of taxes for payments before."""


class TaxSlipNotFound(NotFound):
    code = "tax_slip_not_found"
    text = "There is no such withholding slip. Take the id from the list of slips."
    text_id = "Bukti potong ini tidak ditemukan. Ambil id dari daftar bukti potong."


@dataclass(frozen=True, slots=True)
class TaxSum:
    """What was withheld of one taxpayer under one tax, net of returns, in rupiah.

    payment_count: payments that were not returned.
    """

    kind: TaxKind
    payment_count: int
    gross: int
    base: int
    amount: int


@dataclass(frozen=True, slots=True)
class TaxRecap:
    """A year of one taxpayer, by the month of the payments."""

    year: int
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    sums: tuple[TaxSum, ...]


def months_of(year: int) -> tuple[Month, Month]:
    """Return the first and the last month of a year."""
    return Month(year, 1), Month(year, 12)
