from pydantic import Field

from payment_service.tariffs.rules import Band, Book, Period, Relief, Tariff
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import (
    Code,
    Model,
    MonthText,
    PositiveRupiah,
    Rupiah,
    Text255,
)


class BandDocument(Model):
    band: int = Field(ge=1, strict=True)
    income_from: Rupiah
    reference_income: PositiveRupiah
    jkk: PositiveRupiah
    jkm: PositiveRupiah
    jht: PositiveRupiah

    def value(self) -> Band:
        amounts = {Programme.JKK: self.jkk, Programme.JKM: self.jkm, Programme.JHT: self.jht}
        return Band(self.band, self.income_from, self.reference_income, amounts)


class TariffDocument(Model):
    id: Code
    first_month: MonthText
    last_month: MonthText | None
    minimum_declared_income: PositiveRupiah
    legal_basis: dict[Programme, Text255]
    sources: tuple[str, ...] = Field(min_length=1)
    notes: tuple[str, ...]
    bands: tuple[BandDocument, ...] = Field(min_length=1)

    def value(self) -> Tariff:
        return Tariff(
            id=self.id,
            first_month=self.first_month,
            last_month=self.last_month,
            minimum_declared_income=self.minimum_declared_income,
            bands=tuple(band.value() for band in self.bands),
        )


class PeriodDocument(Model):
    sector: Sector
    first_month: MonthText
    last_month: MonthText


class ReliefDocument(Model):
    id: Code
    legal_basis: Text255
    relief_bps: int = Field(gt=0, lt=10_000, strict=True)
    programmes: frozenset[Programme] = Field(min_length=1)
    payers: frozenset[Payer] = Field(min_length=1)
    periods: tuple[PeriodDocument, ...] = Field(min_length=1)
    sources: tuple[str, ...] = Field(min_length=1)
    notes: tuple[str, ...]

    def value(self) -> Relief:
        return Relief(
            id=self.id,
            legal_basis=self.legal_basis,
            rate_bps=self.relief_bps,
            programmes=self.programmes,
            payers=self.payers,
            periods=tuple(
                Period(period.sector, period.first_month, period.last_month)
                for period in self.periods
            ),
        )


def book_of(tariffs: list[TariffDocument], reliefs: list[ReliefDocument]) -> Book:
    """Return the checked book. Raises: TariffBroken."""
    return Book(
        tariffs=tuple(document.value() for document in tariffs),
        reliefs=tuple(document.value() for document in reliefs),
    )
