"""Quotes: prices that nothing is stored of."""

from payment_service.clients.members import ContributionBasis
from payment_service.quotes.schemas import QuoteOut, QuoteRequest
from payment_service.tariffs import service as tariffs


def quote(
    basis: ContributionBasis, asked: QuoteRequest, *, jht_mandatory_for_employers: bool
) -> QuoteOut:
    """Return the price of the months asked. Nothing is stored and nothing is promised.

    Raises: as `tariffs.price`.
    """
    lines = tariffs.price(
        basis,
        first_month=asked.first_month,
        month_count=asked.month_count,
        jht_mandatory_for_employers=jht_mandatory_for_employers,
    )
    return QuoteOut.of(
        asked,
        sector=basis.sector,
        payer=basis.payer,
        income=basis.declared_income,
        lines=list(lines),
    )
