"""What a scheme says, and when one can be computed exactly. Source: docs/commissions.md.

Rates are basis points of whole rupiah, so a product of both is a whole number of 1/10,000 rupiah
("parts") and needs no rounding. A scheme whose products would need some is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, TypeVar
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

PARTS = 10_000
"""Parts of a rupiah; also basis points of a whole, which is why rates need no division."""

PROGRAMME_BEGAN = Month(2017, 1)
"""The first month of the programme: no scheme and no earnings lie before it.

Source: docs/domain.md, The Perisai programme (pilot at the end of 2016), and the first scheme.
"""

NEW_PERISAI = Month(2022, 4)
"""The first month of the scheme of 2022. Source: docs/domain.md, Incentives."""

SELF = "self"
"""The payer of a bill who is the member; everybody else is a sponsor or the government."""


class SchemeStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class SchemeVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class SchemeInvalid(Invalid):
    code = "scheme_invalid"
    text = "This scheme is contradictory or cannot be computed exactly. Check its rates and dates."
    text_id = (
        "Skema ini saling bertentangan atau tidak dapat dihitung dengan tepat. Periksa tarif "
        "dan tanggalnya."
    )


class SchemeNotFound(NotFound):
    code = "scheme_not_found"
    text = "There is no such scheme."
    text_id = "Skema tidak ditemukan."


class SchemeDecided(Conflict):
    code = "scheme_decided"
    text = "This scheme was already decided. Propose another one."
    text_id = "Skema ini sudah diputuskan. Usulkan skema lain."


class OwnProposal(Forbidden):
    code = "own_proposal"
    text = "You cannot decide on your own proposal. Another person must decide."
    text_id = "Anda tidak dapat memutuskan usulan sendiri. Harus diputuskan orang lain."


class SchemeTooGenerous(Invalid):
    """`details`: `limit`, in basis points of contributions or in rupiah."""

    code = "scheme_too_generous"
    text = "This scheme pays more than the configured limit. Check the figures."
    text_id = "Skema ini membayar melebihi batas yang diatur. Periksa kembali angkanya."


class MonthOutsideProgramme(Invalid):
    """`details`: `first_month` and `last_month` that can be asked about."""

    code = "month_outside_programme"
    text = "This month is before the start of the programme or in the future."
    text_id = "Bulan ini sebelum program dimulai atau belum tiba."


class SchemeTooEarly(Conflict):
    """`details`: `earliest`, the first month in which nothing has been earned yet."""

    code = "scheme_too_early"
    text = (
        "A scheme cannot begin in a closed month or in a month with earnings. Choose a later month."
    )
    text_id = (
        "Skema tidak dapat dimulai pada bulan yang sudah ditutup atau sudah ada insentif. "
        "Pilih bulan berikutnya."
    )


class SchemeMonthTaken(Conflict):
    code = "scheme_month_taken"
    text = "Another approved scheme begins in this month. Choose another month."
    text_id = "Skema lain yang sudah disetujui mulai pada bulan ini. Pilih bulan lain."


@dataclass(frozen=True, slots=True)
class Tier:
    """first_index, last_index: of the contribution month, both inside; no last one, no end."""

    first_index: int
    last_index: int | None
    rate_bps: int


@dataclass(frozen=True, slots=True)
class NewMember:
    """amount: rupiah for a new member who first paid this many programmes."""

    programmes: int
    amount: int


@dataclass(frozen=True, slots=True)
class Terms:
    """A scheme's numbers.

    tiers: the share of contributions received, by month index. acquisition_fixed: rupiah for a
    month, whatever the number of new members. threshold: new members in a month from which
    either acquisition is due, for the first of them too. agent_share_bps: what the agent keeps
    of it all. wadah_share_bps: what the wadah gets out of the whole. override_bps: what it gets
    on top of the agent's part. sponsored: whether contributions that somebody else pays earn
    anything; not found in any source. payee: who is paid the agents' part where the agreement of
    the wadah says nothing; None: as `find_default_payee` says.
    """

    tiers: tuple[Tier, ...]
    acquisition_by_programmes: tuple[NewMember, ...]
    acquisition_fixed: int
    threshold: int
    agent_share_bps: int
    wadah_share_bps: int
    override_bps: int
    sponsored: bool
    payee: PaymentMethod | None = None

    def earns(self, payer: str) -> bool:
        """Tell whether money from this payer earns anything."""
        return self.sponsored or payer == SELF

    def rate_bps(self, index: int) -> int:
        """Return the rate for a month index; 0 outside every tier."""
        for tier in self.tiers:
            if tier.first_index <= index and (tier.last_index is None or index <= tier.last_index):
                return tier.rate_bps
        return 0

    def acquisition(self, programmes: int) -> int:
        """Return the rupiah for a new member who first paid this many programmes."""
        amounts = {each.programmes: each.amount for each in self.acquisition_by_programmes}
        return amounts.get(programmes, 0)


@dataclass(frozen=True, slots=True)
class Applied:
    """A scheme to compute with."""

    id: UUID
    name: str
    first_month: Month
    terms: Terms

    @property
    def payee(self) -> PaymentMethod:
        """Who is paid the agents' part where an agreement says nothing."""
        return self.terms.payee or find_default_payee(self.first_month)


class Dated(Protocol):
    """What begins to apply in a month."""

    @property
    def first_month(self) -> Month: ...


Scheme = TypeVar("Scheme", bound=Dated)


def scheme_of(schemes: Iterable[Scheme], month: Month) -> Scheme | None:
    """Return the one of these approved schemes that applies to a month: the latest begun."""
    begun = [scheme for scheme in schemes if scheme.first_month <= month]
    return max(begun, key=lambda scheme: scheme.first_month, default=None)


def find_default_payee(first_month: Month) -> PaymentMethod:
    """Return who is paid under a scheme whose document does not say it.

    Before New Perisai each agent (S20, one source), since then the wadah (S7, S9, S10).
    Source: docs/domain.md, Incentives.
    """
    return PaymentMethod.AGENTS if first_month < NEW_PERISAI else PaymentMethod.WADAH


def check_terms(terms: Terms) -> None:
    """Refuse terms that contradict each other or have a product that is not exact.

    Raises: SchemeInvalid.
    """
    if terms.agent_share_bps + terms.wadah_share_bps > PARTS:
        raise SchemeInvalid(field="terms.wadah_share_bps")
    if not _is_exact(terms, PARTS):
        raise SchemeInvalid(field="terms.override_bps")
    counts = [each.programmes for each in terms.acquisition_by_programmes]
    if len(set(counts)) != len(counts):
        raise SchemeInvalid(field="terms.acquisition_by_programmes")
    _check_tiers(terms)


def _check_tiers(terms: Terms) -> None:
    for number, tier in enumerate(terms.tiers):
        if not _is_exact(terms, tier.rate_bps):
            raise SchemeInvalid(field=f"terms.tiers.{number}.rate_bps")
        if tier.last_index is not None and tier.last_index < tier.first_index:
            raise SchemeInvalid(field=f"terms.tiers.{number}.last_index")
    for one, following in pairwise(sorted(terms.tiers, key=lambda tier: tier.first_index)):
        # A month between two tiers would earn nothing, which nobody can have meant.
        if one.last_index is None or one.last_index + 1 != following.first_index:
            raise SchemeInvalid(field="terms.tiers")


def _is_exact(terms: Terms, rate_bps: int) -> bool:
    agent = rate_bps * terms.agent_share_bps
    wadah = rate_bps * terms.wadah_share_bps
    return not (agent % PARTS or wadah % PARTS or agent // PARTS * terms.override_bps % PARTS)


def check_month(month: Month, *, present: Month, field: str = "month") -> None:
    """Refuse a month in which nothing can have been earned.

    Raises: MonthOutsideProgramme.
    """
    if not PROGRAMME_BEGAN <= month <= present:
        raise MonthOutsideProgramme(
            field=field, first_month=str(PROGRAMME_BEGAN), last_month=str(present)
        )


def check_first_month(first_month: Month) -> None:
    """Refuse a scheme from before the programme. Raises: MonthOutsideProgramme."""
    if first_month < PROGRAMME_BEGAN:
        raise MonthOutsideProgramme(field="first_month", first_month=str(PROGRAMME_BEGAN))


def check_generosity(terms: Terms, *, max_share_bps: int, max_acquisition: int) -> None:
    """Refuse terms that pay more than anybody can have meant.

    max_share_bps: of a contribution, for agent and wadah together. max_acquisition: rupiah for a
    new member, or for a month of them.
    Raises: SchemeTooGenerous.
    """
    for number, tier in enumerate(terms.tiers):
        if _cost_parts(terms, tier.rate_bps) > max_share_bps * PARTS:
            field = f"terms.tiers.{number}.rate_bps"
            raise SchemeTooGenerous(field=field, limit=max_share_bps)
    if terms.acquisition_fixed > max_acquisition:
        raise SchemeTooGenerous(field="terms.acquisition_fixed", limit=max_acquisition)
    for number, each in enumerate(terms.acquisition_by_programmes):
        if each.amount > max_acquisition:
            field = f"terms.acquisition_by_programmes.{number}.amount"
            raise SchemeTooGenerous(field=field, limit=max_acquisition)


def _cost_parts(terms: Terms, rate_bps: int) -> int:
    """Return what agent and wadah get of a contribution, in 1/10,000 of a basis point."""
    agent = rate_bps * terms.agent_share_bps
    return agent + rate_bps * terms.wadah_share_bps + agent * terms.override_bps // PARTS


def check_decision(status: SchemeStatus, *, is_own: bool) -> None:
    """Refuse a decision on a decided scheme or on one's own proposal.

    Raises: SchemeDecided, OwnProposal.
    """
    if status is not SchemeStatus.PROPOSED:
        raise SchemeDecided
    if is_own:
        raise OwnProposal


def check_beginning(first_month: Month, *, earliest: Month | None) -> None:
    """Refuse a scheme for a month that has begun to be counted under another one.

    Raises: SchemeTooEarly.
    """
    if earliest is not None and first_month < earliest:
        raise SchemeTooEarly(earliest=str(earliest))


SCHEME_2018 = Terms(
    tiers=(Tier(1, None, 750),),
    acquisition_by_programmes=(),
    acquisition_fixed=500_000,
    threshold=50,
    agent_share_bps=9_000,
    wadah_share_bps=1_000,
    override_bps=0,
    sponsored=True,
)
"""2017 to March 2022: 500,000 from 50 new members on and 7.5 % of contributions, shared 90 to 10.

Source: docs/commissions.md (confirmed; sponsored: not found, our default).
"""

SCHEME_2022 = Terms(
    tiers=(Tier(1, 24, 1_500), Tier(25, 60, 500)),
    acquisition_by_programmes=(NewMember(3, 15_000), NewMember(2, 10_000)),
    acquisition_fixed=0,
    threshold=25,
    agent_share_bps=10_000,
    wadah_share_bps=0,
    override_bps=1_000,
    sponsored=True,
)
"""From April 2022: 15,000 or 10,000 a new member from 25 on, 15 % then 5 %, and 10 % on top.

Source: docs/commissions.md (confirmed; after month 60: one source; sponsored: not found).
"""
