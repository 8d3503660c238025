"""When withheld tax can be passed on to the state. Source: docs/commissions.md, Payouts."""

from perisai_kit.domain.errors import Conflict, Invalid
from perisai_kit.domain.month import Month


class TaxMonthOpen(Invalid):
    code = "tax_month_open"
    text = "Tax can be passed on once the month of the payments is over. Choose an earlier month."
    text_id = "Pajak disetor setelah bulan pembayaran berakhir. Pilih bulan sebelumnya."


class NoTaxDue(Conflict):
    code = "no_tax_due"
    text = "No tax of this kind is due for this month."
    text_id = "Tidak ada pajak jenis ini yang terutang untuk bulan ini."


class TaxRemittanceOpen(Conflict):
    code = "tax_remittance_open"
    text = "A remittance of this tax and month is under way. Wait until it is settled."
    text_id = "Penyetoran pajak bulan ini masih berjalan. Tunggu sampai selesai."


class TreasuryAccountMissing(Conflict):
    code = "treasury_account_missing"
    text = "The account of the state is not configured. Ask the operator to set it."
    text_id = "Rekening kas negara belum diatur. Minta pengelola sistem mengaturnya."


class TaxOverTransferMax(Conflict):
    """`details`: `amount` and `transfer_max`, in rupiah."""

    code = "tax_over_transfer_max"
    text = "This tax is more than one transfer of this account may be. Choose another account."
    text_id = "Pajak ini melebihi batas satu transfer dari rekening ini. Pilih rekening lain."


def check_month(month: Month, *, present: Month) -> None:
    """Refuse a month in which more may still be withheld. Raises: TaxMonthOpen."""
    if month >= present:
        raise TaxMonthOpen(field="month")


def check_amount(amount: int, *, transfer_max: int) -> None:
    """Refuse an amount in rupiah that cannot be sent. Raises: NoTaxDue, TaxOverTransferMax."""
    if amount <= 0:
        raise NoTaxDue
    if amount > transfer_max:
        raise TaxOverTransferMax(amount=amount, transfer_max=transfer_max)
