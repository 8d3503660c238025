"""The income tax withheld from a payment to an agent or wadah.

Every rate comes from the documents in `data/`, which name their sources; what no source decides is
a `TaxPolicy`, set by the operator. Source: docs/tax.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import assert_never
from uuid import UUID

from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.money import DOWN, WHOLE_BPS, apply_bps
from perisai_kit.domain.nik import NikStatus


class TaxKind(StrEnum):
    """pph21: on the income of persons. pph23: on services of bodies. none: nothing is withheld."""

    PPH21 = "pph21"
    PPH23 = "pph23"
    NONE = "none"


TAXES = (TaxKind.PPH21, TaxKind.PPH23)
"""The taxes that are withheld and remitted."""


class Withholder(StrEnum):
    """Who withholds the PPh 21 of an agent whose incentive is paid to the wadah."""

    PLATFORM = "platform"
    WADAH = "wadah"


class TaxCause(StrEnum):
    """Why tax was withheld: a payout was paid. returned: the bank returned it, so it is not."""

    PAID = "paid"
    RETURNED = "returned"


class TaxStep(StrEnum):
    BRACKET = "bracket"
    SURCHARGE = "surcharge"


class NoTaxTable(Invalid):
    """`details` holds `kind` and `on`."""

    code = "no_tax_table"
    text = "There are no tax rates for payments on this day. Choose a later day."
    text_id = "Belum ada tarif pajak untuk pembayaran pada tanggal ini. Pilih tanggal sesudahnya."


class TaxTableBroken(ValueError):
    """A tax table contradicts itself or another; the service does not start."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """A rate up to and including `up_to` rupiah of a payment's base; None: without limit."""

    up_to: int | None
    rate_bps: int


@dataclass(frozen=True, slots=True)
class TaxTable:
    """One version of the rates of one tax; `last_on` None means until replaced.

    id: the version, which withholdings name. base_bps: the taxed share of the gross. no_npwp_bps:
    what the tax is multiplied with where there is no NPWP; 12,000 is 120 %. nik_serves: whether a
    valid NIK serves as NPWP.
    """

    id: str
    kind: TaxKind
    legal_basis: str
    first_on: date
    last_on: date | None
    base_bps: int
    brackets: tuple[Bracket, ...]
    no_npwp_bps: int
    nik_serves: bool

    def covers(self, on: date) -> bool:
        return self.first_on <= on and (self.last_on is None or on <= self.last_on)


@dataclass(frozen=True, slots=True)
class TaxBook:
    """All versions, checked against each other."""

    tables: tuple[TaxTable, ...]

    def __post_init__(self) -> None:
        for table in self.tables:
            _check_table(table)
        for kind in TAXES:
            _check_versions(kind, [each for each in self.tables if each.kind is kind])
        if len({each.id for each in self.tables}) < len(self.tables):
            raise TaxTableBroken("two tables have the same id")

    def table_of(self, kind: TaxKind, on: date) -> TaxTable:
        """Return the version of a tax for payments of a day. Raises: NoTaxTable."""
        for table in self.tables:
            if table.kind is kind and table.covers(on):
                return table
        raise NoTaxTable(kind=kind.value, on=on.isoformat())

    def version(self, table_id: str) -> TaxTable:
        """Return a version by its id."""
        return next(each for each in self.tables if each.id == table_id)


@dataclass(frozen=True, slots=True)
class TaxPolicy:
    """What no source decides; each has its default in the settings and in docs/tax.md.

    through_wadah: who withholds for an agent paid through the wadah. wadah_entity, wadah_person:
    the tax of a wadah that is a legal entity, and of one that is none. unknown_is_no_npwp: whether
    unknown identities are surcharged. nik_serves: whether to apply that a valid NIK serves as NPWP.
    base_unit: rupiah to which the base of PPh 21 is rounded down, 1 or 1,000.
    """

    through_wadah: Withholder = Withholder.PLATFORM
    wadah_entity: TaxKind = TaxKind.PPH23
    wadah_person: TaxKind = TaxKind.PPH21
    unknown_is_no_npwp: bool = True
    nik_serves: bool = True
    base_unit: int = 1


@dataclass(frozen=True, slots=True)
class TaxIdentity:
    """What agent-service has recorded. id: of the record. nik_status: of an agent."""

    id: UUID
    has_npwp: bool
    nik_status: NikStatus | None = None


@dataclass(frozen=True, slots=True)
class Taxpayer:
    """Who earned what is paid. legal_entity: of a wadah. identity: None where none is recorded.

    through_wadah: whether an agent's incentive is paid to the wadah.
    """

    kind: BeneficiaryKind
    legal_entity: bool | None = None
    identity: TaxIdentity | None = None
    through_wadah: bool = False


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One step of a computation; `exact` in 1/10,000 rupiah.

    taxed: the part of the base in this bracket, in rupiah; None for the surcharge, whose rate is on
    the tax of the brackets.
    """

    step: TaxStep
    taxed: int | None
    rate_bps: int
    exact: int


@dataclass(frozen=True, slots=True)
class Withholding:
    """The tax of one payment, in rupiah. amount: the sum of the lines, rounded down.

    table_version: None where nothing is withheld.
    """

    kind: TaxKind
    gross: int
    base: int
    surcharged: bool
    amount: int
    table_version: str | None
    lines: tuple[TaxLine, ...]


def withhold(
    book: TaxBook, *, gross: int, taxpayer: Taxpayer, on: date, policy: TaxPolicy
) -> Withholding:
    """Return what is withheld from one payment to one beneficiary.

    Each payment is taxed by itself: not together with earlier ones of the year, and without PTKP.
    gross: rupiah, > 0. on: the Jakarta day of the payment. The base is rounded down to
    `policy.base_unit`, the tax to whole rupiah, once and at the end.
    Raises: NoTaxTable.
    """
    assert gross > 0, "nothing is paid without an amount"
    kind = find_tax_kind(taxpayer, policy)
    if kind is TaxKind.NONE:
        return Withholding(kind, gross, 0, False, 0, None, ())
    table = book.table_of(kind, on)
    base = round_base(apply_bps(gross, table.base_bps, rounding=DOWN), kind, policy.base_unit)
    surcharged = is_surcharged(taxpayer.identity, table, policy)
    lines = explain(table, base=base, surcharged=surcharged)
    amount = sum_lines(lines)
    return Withholding(kind, gross, base, surcharged, amount, table.id, lines)


def find_tax_kind(taxpayer: Taxpayer, policy: TaxPolicy) -> TaxKind:
    """Return which tax is withheld from this taxpayer."""
    match taxpayer.kind:
        case BeneficiaryKind.AGENT:
            by_wadah = taxpayer.through_wadah and policy.through_wadah is Withholder.WADAH
            return TaxKind.NONE if by_wadah else TaxKind.PPH21
        case BeneficiaryKind.WADAH:
            return policy.wadah_entity if taxpayer.legal_entity else policy.wadah_person
        case _:
            assert_never(taxpayer.kind)


def is_surcharged(identity: TaxIdentity | None, table: TaxTable, policy: TaxPolicy) -> bool:
    """Tell whether the higher rate for those without NPWP applies.

    A NIK that nobody has verified is unknown, and so is an identity that nobody has recorded.
    """
    if identity is None:
        return policy.unknown_is_no_npwp
    nik_serves = table.nik_serves and policy.nik_serves
    if identity.has_npwp or (nik_serves and identity.nik_status is NikStatus.VALID):
        return False
    if nik_serves and identity.nik_status is NikStatus.UNVERIFIED:
        return policy.unknown_is_no_npwp
    return True


def round_base(base: int, kind: TaxKind, base_unit: int) -> int:
    """Return the base of PPh 21 rounded down to the unit; another base is left as it is."""
    return base - base % base_unit if kind is TaxKind.PPH21 else base


def explain(table: TaxTable, *, base: int, surcharged: bool) -> tuple[TaxLine, ...]:
    """Return the steps from a base in rupiah to the tax, bracket by bracket."""
    lines = []
    lower = 0
    for bracket in table.brackets:
        upper = base if bracket.up_to is None else min(base, bracket.up_to)
        taxed = upper - lower
        if taxed <= 0:
            break
        lines.append(TaxLine(TaxStep.BRACKET, taxed, bracket.rate_bps, taxed * bracket.rate_bps))
        lower = upper
    if surcharged:
        rate_bps = table.no_npwp_bps - WHOLE_BPS
        exact = apply_bps(sum(line.exact for line in lines), rate_bps, rounding=DOWN)
        lines.append(TaxLine(TaxStep.SURCHARGE, None, rate_bps, exact))
    return tuple(lines)


def sum_lines(lines: Iterable[TaxLine]) -> int:
    """Return the tax of these steps in rupiah, rounded down.

    No source found names a rounding of the tax; down never takes more than the rates say.
    """
    return apply_bps(sum(line.exact for line in lines), 1, rounding=DOWN)


def split(withholding: Withholding, items: Sequence[int]) -> tuple[int, ...]:
    """Return the tax of each item, in their order; their sum is the amount.

    items: the gross of each in rupiah, >= 0, which add up to the payment's. Each gets its share by
    gross, rounded down or up; so one of a few rupiah may be tax altogether, but never more.
    """
    assert sum(items) == withholding.gross, "the items are not those of this payment"
    shares = [
        withholding.amount * through // withholding.gross  # rounded down
        for through in accumulate(items, initial=0)
    ]
    return tuple(later - earlier for earlier, later in pairwise(shares))


def _check_table(table: TaxTable) -> None:
    limits = [bracket.up_to for bracket in table.brackets]
    rates = [bracket.rate_bps for bracket in table.brackets]
    if not limits or limits[-1] is not None:
        raise TaxTableBroken(f"{table.id} has no last bracket without limit")
    bounded = [limit for limit in limits if limit is not None]
    if len(bounded) != len(limits) - 1 or bounded != sorted({each for each in bounded if each > 0}):
        raise TaxTableBroken(f"{table.id} has brackets out of order")
    if rates != sorted(set(rates)) or rates[0] <= 0:
        raise TaxTableBroken(f"{table.id} has rates that do not rise")
    if not 0 < table.base_bps <= WHOLE_BPS or table.no_npwp_bps < WHOLE_BPS:
        raise TaxTableBroken(f"{table.id} has an impossible share")
    # So a tax is never more than the payment.
    if table.base_bps * rates[-1] * table.no_npwp_bps > WHOLE_BPS**3:
        raise TaxTableBroken(f"{table.id} takes more than is paid")


def _check_versions(kind: TaxKind, tables: Sequence[TaxTable]) -> None:
    if not tables:
        raise TaxTableBroken(f"there is no table of {kind}")
    for earlier, later in pairwise(sorted(tables, key=lambda table: table.first_on)):
        if earlier.last_on is None or earlier.last_on >= later.first_on:
            raise TaxTableBroken(f"{earlier.id} and {later.id} cover the same day")
