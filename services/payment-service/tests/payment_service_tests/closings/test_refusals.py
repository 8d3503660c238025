"""A month is closed once everything in it was counted; a refusal says what is missing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from payment_service_tests.village import Village, apply_events, book, compute, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service
from payment_service.counting.service import AGENTS, MEMBERS, PAYMENTS
from payment_service.months.rules import (
    EarlierMonthOpen,
    EventsParked,
    EventsUnread,
    MonthClosedAlready,
    MonthNotOver,
    MonthStatus,
    PaymentsWait,
)
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.events.outbox import publish
from perisai_kit.events.parking import ParkedEvent
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[CommissionMonthOut]]


async def close_now(session: AsyncSession, settings: Settings, month: Month = NOVEMBER) -> None:
    await service.propose(session, month, by=new_id(), settings=settings)


async def test_a_month_is_closed_once(
    session: AsyncSession, settings: Settings, close: Close
) -> None:
    await close(NOVEMBER.plus(1))

    for month in (NOVEMBER, NOVEMBER.plus(1)):
        with pytest.raises(MonthClosedAlready) as refused:
            await close_now(session, settings, month)
        assert refused.value.details == {"closed_through": "2025-12"}


@pytest.mark.parametrize(
    ("now", "closable_from"),
    [
        (noon(NOVEMBER, 30), None),
        (noon(NOVEMBER.plus(1), 1), "2025-12-02T00:00:00+07:00"),
        (datetime(2025, 12, 1, 23, 59, 59, tzinfo=JAKARTA), "2025-12-02T00:00:00+07:00"),
    ],
)
async def test_a_month_is_not_closed_before_a_day_has_passed(
    session: AsyncSession,
    settings: Settings,
    business_time: BusinessTime,
    now: datetime,
    closable_from: str | None,
) -> None:
    business_time.at(now)

    with pytest.raises(MonthNotOver) as refused:
        await close_now(session, settings)

    assert refused.value.details.get("closable_from") == closable_from


@pytest.mark.parametrize("behind", [PAYMENTS, MEMBERS, AGENTS])
async def test_a_close_waits_for_every_feed(
    session: AsyncSession,
    settings: Settings,
    business_time: BusinessTime,
    read_all: ReadAll,
    behind: str,
) -> None:
    business_time.at(noon(NOVEMBER.plus(1)))
    await read_all(clock.now())
    await read_all(noon(NOVEMBER, 30), behind)

    with pytest.raises(EventsUnread) as refused:
        await close_now(session, settings)

    assert refused.value.details["subscriptions"] == {
        behind: noon(NOVEMBER, 30).astimezone(UTC).isoformat()
    }


async def test_a_close_sees_our_own_payments_that_nobody_has_counted(
    session: AsyncSession, settings: Settings, business_time: BusinessTime, read_all: ReadAll
) -> None:
    village = Village()
    business_time.at(noon(NOVEMBER))
    await publish(session, *village.enrol(1, NOVEMBER))
    business_time.at(noon(NOVEMBER.plus(1)))
    await read_all(clock.now())

    with pytest.raises(EventsUnread) as refused:
        await close_now(session, settings)

    assert list(refused.value.details["subscriptions"]) == [PAYMENTS]  # type: ignore[call-overload]  # a dict


async def test_a_payment_after_the_month_does_not_hold_its_close_up(
    session: AsyncSession, business_time: BusinessTime, close: Close
) -> None:
    business_time.at(noon(NOVEMBER.plus(1), 5))
    await publish(session, *Village().enrol(1, NOVEMBER.plus(1)))

    month = await close(NOVEMBER)

    assert month.status is MonthStatus.CLOSED


async def test_a_close_waits_for_parked_events(session: AsyncSession, close: Close) -> None:
    event = {"subject": "x", "data": {}, "type": "payment.settled.v1", "error": "x", "attempts": 3}
    at = noon(NOVEMBER)
    session.add(
        ParkedEvent(
            subscription=PAYMENTS,
            position=1,
            event_id=new_id(),
            occurred_at=at,
            parked_at=at,
            **event,
        )
    )
    await session.flush()

    with pytest.raises(EventsParked) as refused:
        await close(NOVEMBER)

    assert refused.value.details == {"subscriptions": {PAYMENTS: 1}}


async def test_a_close_waits_for_payments_without_an_answer(
    session: AsyncSession, close: Close
) -> None:
    village = Village()
    village.enrol(2, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, village.answered[0]])
    await compute(session)

    with pytest.raises(PaymentsWait) as refused:
        await close(NOVEMBER.plus(1))

    assert refused.value.details == {"payments": {"2025-11": 1}}


async def test_a_close_waits_until_what_is_answered_is_computed(
    session: AsyncSession, close: Close
) -> None:
    village = Village()
    village.enrol(2, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, *village.answered])

    with pytest.raises(PaymentsWait):
        await close(NOVEMBER)
    await compute(session)

    assert (await close(NOVEMBER)).amount == 2 * (5_520 + 552)


async def test_a_payment_of_the_next_month_may_wait(session: AsyncSession, close: Close) -> None:
    village = Village()
    village.settle(NOVEMBER, paid_at=noon(NOVEMBER.plus(1), 1))
    await book(session, village.settled)
    await apply_events(session, village.settled)

    assert (await close(NOVEMBER)).status is MonthStatus.CLOSED


async def test_earlier_months_are_closed_first(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    village.enrol(1, NOVEMBER.plus(2))
    await tell(village)

    with pytest.raises(EarlierMonthOpen) as refused:
        await close(NOVEMBER.plus(2))

    assert refused.value.details == {"months": ["2025-11"]}
