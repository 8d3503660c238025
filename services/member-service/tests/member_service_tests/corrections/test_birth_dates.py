"""The truth of a birth date can be recorded, also where it shows that a member was too old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from member_service_tests.allocations.test_service import payment
from member_service_tests.registrations.histories import TERMS
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from member_service_tests.corrections.conftest import Desk

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
DECLARED = {"working": True, "declared_on": "2026-11-03"}
TOO_OLD, OLD_ENOUGH = {"birth_date": "1961-11-03"}, {"birth_date": "1961-11-04"}
"""65 on the day of the payment, and on the day after it."""


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 11, 3, 2, tzinfo=UTC))
    return business_time


@pytest.fixture
async def member(november: BusinessTime, database: Database, enrol: Enrol) -> Member:
    """A member with a declaration, registered by a payment of the same day."""
    async with database.begin() as session:
        made = await enrol(session, work_declaration=DECLARED)
        await allocations.take_allocations(session, [payment(made.id, "2026-11")], TERMS)
        return made


async def list_answers(session: AsyncSession, published: Published) -> list[tuple[str, Any]]:
    """Return what was published of the member's payment and registration, and why."""
    return [
        (type_, data.get("reason_code"))
        for type_, data in await published(session)
        if type_.startswith(("coverage.", "registration."))
    ]


async def test_a_date_that_shows_a_member_too_old_declines_what_registered_the_member(
    client: httpx.AsyncClient,
    desk: Desk,
    agent: Any,
    officer: Any,
    second_officer: Any,
    member: Member,
    session: AsyncSession,
    published: Published,
) -> None:
    correction_id = await desk.proposed(agent, TOO_OLD)
    await desk.approve(officer, correction_id)
    applied = await desk.approve(second_officer, correction_id)

    now = await client.get(f"/v1/members/{member.id}", headers=agent.headers)
    assert (applied.status_code, applied.json()["status"]) == (200, "applied")
    assert now.json()["birth_date"] == TOO_OLD["birth_date"]
    assert await list_answers(session, published) == [
        ("registration.opened.v1", None),
        ("coverage.extended.v1", None),
        ("registration.corrected.v1", None),
        ("coverage.declined.v1", "over_age"),
    ]
    # By this payment-service judges the open bill anew.
    updates = [data for type_, data in await published(session) if type_ == "member.updated.v1"]
    assert updates == [{"member_id": str(member.id), "changed": ["birth_date"]}]


async def test_the_members_code_confirms_it_too(
    desk: Desk, agent: Any, session: AsyncSession, published: Published
) -> None:
    correction_id = await desk.proposed(agent, TOO_OLD)

    confirmed = await desk.confirm(agent, correction_id)

    assert confirmed.json()["status"] == "applied"
    assert (await list_answers(session, published))[-1] == ("coverage.declined.v1", "over_age")


async def test_a_date_that_leaves_the_member_young_enough_declines_nothing(
    desk: Desk, agent: Any, session: AsyncSession, published: Published
) -> None:
    correction_id = await desk.proposed(agent, OLD_ENOUGH)

    await desk.confirm(agent, correction_id)

    assert [type_ for type_, _ in await list_answers(session, published)] == [
        "registration.opened.v1",
        "coverage.extended.v1",
    ]


async def test_a_second_correction_admits_the_member_again(
    desk: Desk, agent: Any, session: AsyncSession, published: Published
) -> None:
    """The first was the mistake: the calendar is a function of what is known."""
    for changes in (TOO_OLD, OLD_ENOUGH):
        await desk.confirm(agent, await desk.proposed(agent, changes))

    assert (await list_answers(session, published))[-1][0] == "coverage.extended.v1"
