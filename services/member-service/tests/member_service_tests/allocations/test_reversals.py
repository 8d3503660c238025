"""Allocations that are taken back: they stand no more, whenever that becomes known."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY, payment, reversal, take
from member_service_tests.coverage.test_service import coverage_of
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from member_service.registrations.models import RegistrationRow
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AllocationReversed, PaymentSettled
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
Events = Sequence[PaymentSettled | AllocationReversed]


def at(day: int, hour: int = 5) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(at(3, 2))
    return business_time


@pytest.fixture
async def member(session: AsyncSession, enrol: Enrol, november: BusinessTime) -> Member:
    """A member enrolled on 3 November; the present is the 20th."""
    enrolled = await enrol(session, work_declaration=TODAY)
    november.at(at(20))
    return enrolled


async def answers(session: AsyncSession, published: Published) -> list[tuple[Any, ...]]:
    """Return allocation, number, kind and reason of the published answers, in order."""
    return [
        (data["allocation_id"], data["answer_no"], kind.split(".")[1], data.get("reason_code"))
        for kind, data in await published(session)
        if kind.startswith("coverage.")
    ]


async def test_a_reversed_allocation_is_declined_and_its_registration_never_was(
    session: AsyncSession, member: Member, published: Published
) -> None:
    paid = payment(member.id, "2026-11")
    await take(session, paid)

    await take(session, reversal(paid, at=at(10)))

    assert (await published(session))[-2:] == [
        (
            "registration.corrected.v1",
            {
                "registration_id": str(paid.allocation_id),
                "member_id": str(member.id),
                "kind": "first",
                "began_on": "2026-11-03",
                "first_month": "2026-11",
                "superseded": True,
            },
        ),
        (
            "coverage.declined.v1",
            {
                "allocation_id": str(paid.allocation_id),
                "payment_id": str(paid.payment_id),
                "bill_id": str(paid.bill_id),
                "member_id": str(member.id),
                "answer_no": 2,
                "counts_at": "2026-11-03T05:00:00Z",
                "reason_code": "reversed",
            },
        ),
    ]
    await session.refresh(member)
    assert member.registration_state is None


async def test_the_reversal_of_a_declined_allocation_publishes_nothing(
    session: AsyncSession, member: Member, published: Published
) -> None:
    declined = payment(member.id, "2027-06")
    await take(session, declined)
    events = await published(session)

    await take(session, reversal(declined, at=at(10)))

    assert events[-1][1]["reason_code"] == "no_registration"
    assert await published(session) == events


async def test_a_repeated_reversal_changes_nothing(
    session: AsyncSession, member: Member, published: Published
) -> None:
    paid = payment(member.id, "2026-11")
    taken_back = reversal(paid, at=at(10))
    await take(session, paid, taken_back)
    events = await published(session)

    await take(session, taken_back, taken_back)

    assert await published(session) == events


async def test_a_reversed_month_is_paid_by_the_allocation_that_was_declined_for_it(
    session: AsyncSession, member: Member, published: Published
) -> None:
    first = payment(member.id, "2026-11")
    second = payment(member.id, "2026-11", at=at(4))
    await take(session, first, second)

    await take(session, reversal(first, at=at(10)))

    one, two = str(first.allocation_id), str(second.allocation_id)
    assert await answers(session, published) == [
        (one, 1, "extended", None),
        (two, 1, "declined", "month_paid"),
        (one, 2, "declined", "reversed"),
        (two, 2, "extended", None),
    ]
    assert (await session.get_one(RegistrationRow, second.allocation_id)).superseded_at is None


async def test_the_next_allocation_becomes_the_acquisition(
    session: AsyncSession, member: Member, published: Published
) -> None:
    first = payment(member.id, "2026-11")
    second = payment(member.id, "2026-12", at=at(4))
    await take(session, first, second)

    await take(session, reversal(first, at=at(10)))

    extended = [
        (data["allocation_id"], data["answer_no"], data["first_month"], data["is_acquisition"])
        for kind, data in await published(session)
        if kind == "coverage.extended.v1"
    ]
    assert extended == [
        (str(first.allocation_id), 1, "2026-11", True),
        (str(second.allocation_id), 1, "2026-11", False),
        (str(second.allocation_id), 2, "2026-12", True),
    ]


@pytest.mark.parametrize("arrival", ["before", "together", "after"])
async def test_a_reversal_counts_whenever_its_allocation_becomes_known(
    session: AsyncSession, member: Member, published: Published, arrival: str
) -> None:
    paid, stays = payment(member.id, "2026-11"), payment(member.id, "2026-11", at=at(4))
    taken_back = reversal(paid, at=at(10))
    batches: dict[str, list[Events]] = {
        "before": [[taken_back], [paid, stays]],
        "together": [[paid, taken_back, stays]],
        "after": [[paid], [stays], [taken_back]],
    }

    for batch in batches[arrival]:
        await take(session, *batch)

    last = {each[0]: each[2:] for each in await answers(session, published)}
    assert last == {
        str(paid.allocation_id): ("declined", "reversed"),
        str(stays.allocation_id): ("extended", None),
    }
    await session.refresh(member)
    assert member.paid_through == Month(2026, 11)


async def test_an_allocation_counts_until_the_instant_of_its_reversal(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, agent: Any, november: BusinessTime
) -> None:
    async with database.begin() as session:
        member = await enrol(session, work_declaration=TODAY)
        november.at(at(20))
        paid = payment(member.id, "2026-11")
        await take(session, paid, reversal(paid, at=at(10)))
    asked = {"at": "2026-11-05T00:00:00Z"}

    before = await coverage_of(client, member, agent, **asked, known_at="2026-11-10T04:59:59Z")
    after = await coverage_of(client, member, agent, **asked, known_at="2026-11-10T05:00:00Z")

    assert (before["cover"], [each["month"] for each in before["months"]]) == (
        "covered",
        ["2026-11"],
    )
    assert (after["cover"], after["months"]) == ("not_covered", [])


async def test_a_month_between_paid_ones_is_offered_again_after_its_reversal(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    payment_service: Any,
    november: BusinessTime,
) -> None:
    async with database.begin() as session:
        member = await enrol(session, work_declaration=TODAY)
        november.at(at(20))
        hole = payment(member.id, "2026-12", at=at(4))
        others = payment(member.id, "2026-11"), payment(member.id, "2027-01", at=at(5))
        await take(session, hole, *others)
        await take(session, reversal(hole, at=at(10)))

    answer = await client.get(
        f"/v1/members/{member.id}/contribution-basis", headers=payment_service.headers
    )

    (offer,) = answer.json()["offers"]
    assert offer["months"][:2] == ["2026-12", "2027-02"]
