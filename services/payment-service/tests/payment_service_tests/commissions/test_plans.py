"""What an event needs is found by indexes, however many payments and lines there are."""

from payment_service_tests.village import Village, apply_events, book, noon, read_until
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service
from payment_service.counting.service import AGENTS
from perisai_kit.domain.month import Month
from perisai_kit.testing.plans import list_whole_reads
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = Month(2025, 11)
SMALL = {"commission_watermark", "commission_month_sums", "commission_schemes", "subscriptions"}
"""One row, or one a month, a scheme, a subscription."""


async def test_neither_events_nor_commissions_read_a_whole_table(
    session: AsyncSession, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(2, NOVEMBER)
    await book(session, village.settled)
    events = [*village.decided, *village.settled, *village.answered]

    whole = await list_whole_reads(session, apply_events(session, events))
    await read_until(session, noon(NOVEMBER, 20), AGENTS)
    whole |= await list_whole_reads(session, service.compute_due(session, 100))

    assert whole <= SMALL
