"""Agents who move to another wadah, and the members in their care."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from member_service_tests.attributions.test_service import (
    APRIL,
    TASKS,
    Published,
    at_work,
    march,
    sees,
    successor,
    to,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attributions import service
from member_service.attributions.models import Attribution
from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentMoved,
    AgentWadahChangeCancelled,
    AgentWadahChanged,
)
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
LAST_DAY = datetime(2026, 3, 31, 16, 59, tzinfo=UTC)
FIRST_DAY = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)
"""Midnight in Jakarta."""

__all__ = ["march", "successor"]
"""Fixtures of a module of this folder."""


def moved(agent: Any, wadah_id: UUID, from_date: date = APRIL) -> AgentWadahChanged:
    return AgentWadahChanged(
        move_id=new_id(),
        agent_id=agent.agent_id,
        from_wadah_id=agent.wadah_id,
        wadah_id=wadah_id,
        from_date=from_date,
        decided_at=datetime(2026, 3, 10, 3, tzinfo=UTC),
    )


def cancelled(move: AgentWadahChanged) -> AgentWadahChangeCancelled:
    return AgentWadahChangeCancelled(**move.model_dump(), reason_code="withdrawn")


@pytest.fixture
async def own(session: AsyncSession, agent: Any) -> AgentActivated:
    """The usual agent, known from the feed of agent-service."""
    principal = agent.principal
    activated: AgentActivated = at_work(
        AgentActivated, agent_id=principal.agent_id, wadah_id=principal.wadah_id
    )
    await TASKS.on_agents_decided(session, [activated])
    return activated


async def wadahs_of(session: AsyncSession, member: Member) -> list[tuple[date, UUID | None]]:
    await session.refresh(member, ["attribution_periods"])
    return [(each.from_date, each.wadah_id) for each in member.attribution_periods]


async def test_the_members_of_an_agent_follow_to_the_other_wadah(
    session: AsyncSession,
    enrol: Enrol,
    own: AgentActivated,
    make_subject: Any,
    march: BusinessTime,
    published: Published,
) -> None:
    member, new = await enrol(session), new_id()
    move = moved(own, new)

    for _ in range(2):  # a handler is safe twice
        await TASKS.on_agents_moved(session, [move])

    assert [wadah_id for _, wadah_id in await wadahs_of(session, member)] == [own.wadah_id, new]
    facts = [data for kind, data in await published(session) if kind == "member.attributed.v1"]
    assert [each["attribution_no"] for each in facts] == [1, 2]
    assert [(each["from_date"], each["wadah_id"]) for each in facts[-1]["periods"]][1:] == [
        ("2026-04-01", str(new))
    ]
    old_admin = make_subject(Role.WADAH_ADMIN, wadah_id=own.wadah_id)
    new_admin = make_subject(Role.WADAH_ADMIN, wadah_id=new)
    march.at(LAST_DAY)
    assert [await sees(session, each, member) for each in (old_admin, new_admin)] == [True, False]
    march.at(FIRST_DAY)
    assert [await sees(session, each, member) for each in (old_admin, new_admin)] == [False, True]


@pytest.mark.parametrize("is_cancelled_first", [True, False])
async def test_a_cancelled_move_changes_nothing_in_any_order(
    session: AsyncSession, enrol: Enrol, own: AgentActivated, is_cancelled_first: bool
) -> None:
    member = await enrol(session)
    move = moved(own, new_id())
    events: list[AgentMoved] = [move, cancelled(move)]

    for event in reversed(events) if is_cancelled_first else events:
        await TASKS.on_agents_moved(session, [event])
    await TASKS.on_agents_moved(session, events)

    assert [wadah_id for _, wadah_id in await wadahs_of(session, member)] == [own.wadah_id]


async def test_a_planned_hand_over_has_the_wadah_of_its_first_day(
    session: AsyncSession, enrol: Enrol, officer: Any, successor: AgentActivated
) -> None:
    member, new = await enrol(session), new_id()
    plan = to(successor.agent_id, from_date=APRIL)
    await service.change(session, member_id=member.id, new=plan, officer=officer.principal)

    await TASKS.on_agents_moved(session, [moved(successor, new)])

    assert (await wadahs_of(session, member))[-1] == (APRIL, new)


async def test_a_worker_enrolled_with_the_token_of_yesterday_is_of_the_new_wadah(
    session: AsyncSession, enrol: Enrol, own: AgentActivated, march: BusinessTime
) -> None:
    new = new_id()
    await TASKS.on_agents_moved(session, [moved(own, new)])
    march.at(FIRST_DAY + timedelta(minutes=3))

    member = await enrol(session)

    made = await session.scalar(select(Attribution.wadah_id))
    assert made == own.wadah_id
    assert await wadahs_of(session, member) == [(APRIL, new)]
