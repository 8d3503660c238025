"""What one month of protection costs: bands, programmes, relief.

Every number comes from the documents in `data/`, which name their sources; this module only knows
how they are read. Source of the reading: docs/domain.md, Contribution tariff.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.money import DOWN, WHOLE_BPS, apply_bps
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import (
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
    Payer,
    Programme,
    Sector,
)

MAX_MONTHS = 12
"""Periods are monthly or 3, 6 or 12 months at once; docs/domain.md, Bills and quotes."""


class NoTariff(Invalid):
    code = "no_tariff"
    text = "There is no tariff for this month."
    text_id = "Belum ada tarif iuran untuk bulan ini."


class TooManyMonths(Invalid):
    code = "too_many_months"
    text = "One bill can have 1 to 12 months."
    text_id = "Satu tagihan dapat memuat 1 sampai 12 bulan."


class TariffBroken(ValueError):
    """A tariff document contradicts itself; the service does not start."""


@dataclass(frozen=True, slots=True)
class Band:
    """One row of the table. Amounts in rupiah a month."""

    number: int
    income_from: int
    reference_income: int
    amounts: Mapping[Programme, int]


@dataclass(frozen=True, slots=True)
class Tariff:
    """One table and the months it covers; `last_month` None means until replaced."""

    id: str
    first_month: Month
    last_month: Month | None
    minimum_declared_income: int
    bands: tuple[Band, ...]

    def covers(self, month: Month) -> bool:
        return self.first_month <= month and (self.last_month is None or month <= self.last_month)


@dataclass(frozen=True, slots=True)
class Period:
    sector: Sector
    first_month: Month
    last_month: Month


@dataclass(frozen=True, slots=True)
class Relief:
    """A reduction by law of some programmes for some payers, per sector and contribution month."""

    id: str
    legal_basis: str
    rate_bps: int
    programmes: frozenset[Programme]
    payers: frozenset[Payer]
    periods: tuple[Period, ...]

    def applies(self, programme: Programme, month: Month, sector: Sector, payer: Payer) -> bool:
        return (
            programme in self.programmes
            and payer in self.payers
            and any(
                period.sector is sector and period.first_month <= month <= period.last_month
                for period in self.periods
            )
        )


@dataclass(frozen=True, slots=True)
class Basis:
    """What the price depends on. declared_income: rupiah a month."""

    sector: Sector
    declared_income: int
    programmes: frozenset[Programme]
    employs_others: bool
    payer: Payer


@dataclass(frozen=True, slots=True)
class Line:
    """One programme of one month, explained: amount = full_amount - relief_amount."""

    month: Month
    programme: Programme
    band: int
    reference_income: int
    full_amount: int
    relief_bps: int
    relief_amount: int
    relief_basis: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Book:
    """All tables and reliefs, checked against each other."""

    tariffs: tuple[Tariff, ...]
    reliefs: tuple[Relief, ...]

    def __post_init__(self) -> None:
        _check_tariffs(self.tariffs)
        _check_reliefs(self.reliefs)
        _check_whole_rupiah(self.tariffs, self.reliefs)


def price(
    book: Book,
    basis: Basis,
    *,
    months: Sequence[Month],
    jht_mandatory_for_employers: bool,
) -> tuple[Line, ...]:
    """Return the lines of these months, in their order and then JKK, JKM, JHT.

    Each contribution month is priced by itself, whenever it is paid. Whole rupiah; relief is
    rounded down, and the book is refused at start if that could ever cut a fraction.
    Raises: TooManyMonths, NoTariff, IncomeBelowMinimum, MandatoryProgrammeMissing, JhtMandatory.
    """
    if not 1 <= len(months) <= MAX_MONTHS:
        raise TooManyMonths(month_count=len(months))
    check_programmes(basis, jht_mandatory_for_employers=jht_mandatory_for_employers)
    return tuple(line for month in months for line in _month_lines(book, basis, month))


def check_programmes(basis: Basis, *, jht_mandatory_for_employers: bool) -> None:
    """Refuse a choice of programmes that the law does not leave open.

    Source: JKK and JKM mandatory, JHT optional: docs/domain.md, Programmes. JHT mandatory for
    owners who employ others: Permenaker 5/2021 art. 31-32, one source, therefore a setting.
    Raises: MandatoryProgrammeMissing, JhtMandatory.
    """
    if not {Programme.JKK, Programme.JKM} <= basis.programmes:
        raise MandatoryProgrammeMissing
    needs_jht = jht_mandatory_for_employers and basis.employs_others
    if needs_jht and Programme.JHT not in basis.programmes:
        raise JhtMandatory


def tariff_of(tariffs: Iterable[Tariff], month: Month) -> Tariff:
    """Return the one table that covers the contribution month.

    Raises: NoTariff.
    """
    for tariff in tariffs:
        if tariff.covers(month):
            return tariff
    raise NoTariff(month=str(month))


def band_of(bands: Sequence[Band], declared_income: int) -> Band:
    """Return the last band whose lower limit is <= the income.

    The printed table leaves holes of 1,000 rupiah between bands (1,099,500); the lower band holds
    them. Source: docs/domain.md, Table, look-up rule.
    """
    assert declared_income >= 0, "incomes are never negative"
    position = bisect_right(bands, declared_income, key=lambda band: band.income_from)
    return bands[position - 1]


def relief_of(
    reliefs: Iterable[Relief], programme: Programme, month: Month, basis: Basis
) -> Relief | None:
    """Return the relief by law for this programme and contribution month, if there is one."""
    for relief in reliefs:
        if relief.applies(programme, month, basis.sector, basis.payer):
            return relief
    return None


def _month_lines(book: Book, basis: Basis, month: Month) -> list[Line]:
    tariff = tariff_of(book.tariffs, month)
    if basis.declared_income < tariff.minimum_declared_income:
        raise IncomeBelowMinimum(minimum=tariff.minimum_declared_income)
    band = band_of(tariff.bands, basis.declared_income)
    return [
        _line(band, programme, month, relief_of(book.reliefs, programme, month, basis))
        for programme in Programme
        if programme in basis.programmes
    ]


def _line(band: Band, programme: Programme, month: Month, relief: Relief | None) -> Line:
    full_amount = band.amounts[programme]
    relief_bps = relief.rate_bps if relief else 0
    relief_amount = apply_bps(full_amount, relief_bps, rounding=DOWN)
    return Line(
        month=month,
        programme=programme,
        band=band.number,
        reference_income=band.reference_income,
        full_amount=full_amount,
        relief_bps=relief_bps,
        relief_amount=relief_amount,
        relief_basis=relief.legal_basis if relief else None,
        amount=full_amount - relief_amount,
    )


def _check_tariffs(tariffs: Sequence[Tariff]) -> None:
    for tariff in tariffs:
        _check_bands(tariff)
    ordered = sorted(tariffs, key=lambda tariff: tariff.first_month)
    for earlier, later in pairwise(ordered):
        if earlier.last_month is None or earlier.last_month >= later.first_month:
            raise TariffBroken(f"{earlier.id} and {later.id} cover the same month")
    if not tariffs:
        raise TariffBroken("there is no tariff")


def _check_bands(tariff: Tariff) -> None:
    lower_limits = [band.income_from for band in tariff.bands]
    if not lower_limits or lower_limits[0] != 0:
        raise TariffBroken(f"{tariff.id} has no band for the lowest income")
    if lower_limits != sorted(set(lower_limits)):
        raise TariffBroken(f"{tariff.id} has bands out of order")
    for band in tariff.bands:
        if set(band.amounts) != set(Programme) or min(band.amounts.values()) <= 0:
            raise TariffBroken(f"{tariff.id} band {band.number} lacks an amount")


def _check_reliefs(reliefs: Sequence[Relief]) -> None:
    seen: dict[tuple[Programme, Payer, Sector], list[tuple[Month, Month]]] = {}
    for relief in reliefs:
        if not 0 < relief.rate_bps < WHOLE_BPS:
            raise TariffBroken(f"{relief.id} has an impossible rate")
        for period in relief.periods:
            for programme in relief.programmes:
                for payer in relief.payers:
                    key = (programme, payer, period.sector)
                    _check_alone(relief, period, seen.setdefault(key, []))


def _check_alone(relief: Relief, period: Period, taken: list[tuple[Month, Month]]) -> None:
    if period.first_month > period.last_month:
        raise TariffBroken(f"{relief.id} has a period that ends before it begins")
    if any(period.first_month <= last and first <= period.last_month for first, last in taken):
        raise TariffBroken(f"{relief.id} meets another relief in the same month")
    taken.append((period.first_month, period.last_month))


def _check_whole_rupiah(tariffs: Sequence[Tariff], reliefs: Sequence[Relief]) -> None:
    for relief in reliefs:
        for tariff in tariffs:
            for band in tariff.bands:
                for programme in relief.programmes:
                    if band.amounts[programme] * relief.rate_bps % WHOLE_BPS:
                        raise TariffBroken(f"{relief.id} leaves a fraction in {tariff.id}")
