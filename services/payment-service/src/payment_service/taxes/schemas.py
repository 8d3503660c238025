from typing import Annotated

from pydantic import Field, StrictBool

from payment_service.taxes.rules import Bracket, TaxBook, TaxKind, TaxTable
from perisai_kit.http.types import Code, Day, Model, MonthText, Out, PositiveRupiah, Text255


class BracketDocument(Model):
    up_to: PositiveRupiah | None
    rate_bps: int = Field(gt=0, le=10_000, strict=True)


class TaxTableDocument(Model):
    """A file in `data/`; see `rules.TaxTable`."""

    id: Code
    kind: TaxKind
    legal_basis: Text255
    first_on: Day
    last_on: Day | None
    base_bps: int = Field(gt=0, le=10_000, strict=True)
    brackets: tuple[BracketDocument, ...] = Field(min_length=1)
    no_npwp_bps: int = Field(ge=10_000, le=100_000, strict=True)
    nik_serves: StrictBool
    sources: tuple[str, ...] = Field(min_length=1)
    notes: tuple[str, ...]

    def value(self) -> TaxTable:
        return TaxTable(
            id=self.id,
            kind=self.kind,
            legal_basis=self.legal_basis,
            first_on=self.first_on,
            last_on=self.last_on,
            base_bps=self.base_bps,
            brackets=tuple(Bracket(each.up_to, each.rate_bps) for each in self.brackets),
            no_npwp_bps=self.no_npwp_bps,
            nik_serves=self.nik_serves,
        )


def book_of(documents: list[TaxTableDocument]) -> TaxBook:
    """Return the checked book. Raises: TaxTableBroken."""
    return TaxBook(tuple(document.value() for document in documents))


class TaxDueOut(Out):
    """One tax of a month, in rupiah."""

    kind: Annotated[TaxKind, Field(description="The tax: pph21 or pph23.")]
    withheld: Annotated[int, Field(description="Withheld, net of returned payments, in rupiah.")]
    remitted: Annotated[int, Field(description="Paid to the state already, in rupiah.")]
    due: Annotated[
        int,
        Field(
            description="Still to be remitted, in rupiah; below zero where a payment was returned "
            "after the remittance."
        ),
    ]


class TaxOfMonthDueOut(TaxDueOut):
    """One tax of a month of which something is due, or too much was remitted, in rupiah."""

    month: Annotated[MonthText, Field(description="Month of the payments.")]


class TaxesDueOut(Out):
    items: Annotated[
        list[TaxOfMonthDueOut],
        Field(description="Each tax of a month that is not settled, the first month first."),
    ]


class TaxRemittanceMonthOut(Out):
    """What is due to the state for the payments of a month."""

    month: Annotated[MonthText, Field(description="Month of the payments.")]
    taxes: Annotated[list[TaxDueOut], Field(description="Each tax.")]
