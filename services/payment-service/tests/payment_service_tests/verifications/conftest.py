"""A village's two closed months in a database of its own, so that its owner can break them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from payment_service_tests.month_closing import close_month
from payment_service_tests.village import (
    TWO,
    Village,
    apply_all,
    apply_events,
    compute,
    noon,
    read_until,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Databases, Urls

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)


@dataclass
class Closed:
    """Two closed months. many: an agent who reaches the threshold, and loses it later."""

    urls: Urls
    many: Village
    few: Village


@pytest.fixture(scope="module")
async def closed(
    databases: Databases,
    keyring: Keyring,
    make_settings: Callable[..., Settings],
    clock_file: Path,
) -> AsyncIterator[Closed]:
    """November with a threshold reached, December with what was learned late of November."""
    urls = databases.clone("payment")
    settings = make_settings(Settings, urls, member_url="http://member", agent_url="http://agent")
    database = Database(urls.app, keyring=keyring)
    made, time = Closed(urls, Village(), Village()), BusinessTime(clock_file)

    async def close(month: Month) -> None:
        time.at(noon(month.plus(1)))
        async with database.begin() as session:
            await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
            await close_month(session, month, settings=settings)

    for live in (live_through_november, live_through_december):
        async with database.begin() as session:
            await live(session, made)
        await close(NOVEMBER if live is live_through_november else DECEMBER)
    time.real()
    yield made
    await database.dispose()
    databases.drop(urls)


async def live_through_november(session: AsyncSession, made: Closed) -> None:
    """Let one agent reach the threshold with exactly as many new members, another not."""
    made.many.enrol(20, NOVEMBER)
    made.many.enrol(5, NOVEMBER, prices=TWO)
    made.few.enrol(3, NOVEMBER)
    made.few.pay(NOVEMBER, month_count=3, is_acquisition=False)
    old = made.few.settle(NOVEMBER)
    made.few.extend(old, first_month=Month(2023, 11), is_acquisition=False)  # its month 25
    await apply_all(session, made.many, made.few)


async def live_through_december(session: AsyncSession, made: Closed) -> None:
    """Learn late of a payment that does not count, and of a month that was withdrawn."""
    declined = made.many.decline(made.many.settled[0])
    advance = next(each for each in made.few.settled if len(each.lines) > 3)
    withdrawn = made.few.withdraw(advance, [DECEMBER], is_acquisition=False)
    await apply_events(session, [declined, withdrawn])
    await compute(session)
    made.few.enrol(2, DECEMBER)
    made.many.pay(DECEMBER, is_acquisition=False)
    await apply_all(session, made.many, made.few)
