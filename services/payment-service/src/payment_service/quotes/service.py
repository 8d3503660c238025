"""Quotes: what months would cost, and what paying them would mean. Nothing is stored."""

from payment_service.clients.members import ContributionBasis
from payment_service.quotes import rules
from payment_service.quotes.rules import Chosen, Limits, Priced, Quote
from payment_service.settings import Settings
from payment_service.tariffs import service as tariffs
from perisai_kit.domain import clock
from perisai_kit.domain.errors import because_of
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month


def quote(
    basis: ContributionBasis, settings: Settings, *, first_month: Month | None, month_count: int
) -> Quote:
    """Return the price of the first months of an offer, by default of the proposed one.

    Raises: as `price_months`.
    """
    limits = find_limits(settings)
    asked = price_months(basis, limits, settings, first_month=first_month, month_count=month_count)
    smallest = rules.find_smallest_cover(basis, limits)
    return Quote(
        asked=asked,
        choices=rules.list_choices(basis, limits),
        covers_today=rules.covers_today(basis, asked.chosen, limits),
        returns=rules.is_return(basis, asked.chosen),
        to_cover_today=_price(basis, smallest, settings) if smallest else None,
    )


def find_limits(settings: Settings) -> Limits:
    """Return how far bills reach now."""
    now = clock.now()
    present = Month.of(jakarta_date(now))
    return Limits.of(now, present, advance_months=settings.advance_months)


def price_months(
    basis: ContributionBasis,
    limits: Limits,
    settings: Settings,
    *,
    first_month: Month | None,
    month_count: int,
) -> Priced:
    """Choose months out of the member's offers, and price them.

    Raises: MemberDeceased, MemberOverAge, MonthNotBillable; as `tariffs.price`.
    """
    chosen = rules.choose_months(basis, limits, first_month=first_month, month_count=month_count)
    return _price(basis, chosen, settings)


def _price(basis: ContributionBasis, chosen: Chosen, settings: Settings) -> Priced:
    with because_of("member_id"):
        lines = tariffs.price(
            basis,
            months=chosen.months,
            jht_mandatory_for_employers=settings.jht_mandatory_for_employers,
        )
    return Priced(chosen, lines)
