"""Decisions of agent-service on agents, and the resulting attribution of members."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from member_service_tests.attributions.test_service import (
    APRIL,
    TASKS,
    Published,
    at_work,
    away,
    march,
    sees,
    successor,
    to,
)
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods.rules import AttributionReason
from member_service.attributions import rules, service
from member_service.members.models import Member
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
)
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]

__all__ = ["march", "successor"]
"""Fixtures of a module of this folder."""


@pytest.mark.parametrize("kind", [AgentSuspended, AgentDismissed])
async def test_no_member_is_handed_to_an_agent_who_is_not_at_work(
    session: AsyncSession,
    enrol: Enrol,
    officer: Any,
    successor: AgentActivated,
    kind: type[AgentSuspended],
    march: BusinessTime,
) -> None:
    member = await enrol(session)
    march.at(clock.now() + timedelta(hours=1))
    await TASKS.on_agents_decided(session, [away(kind, successor.agent_id)])

    with pytest.raises(rules.AgentUnknown):
        await service.change(
            session, member_id=member.id, new=to(successor.agent_id), officer=officer.principal
        )


async def test_a_reinstated_agent_can_get_members_again(
    session: AsyncSession,
    enrol: Enrol,
    officer: Any,
    successor: AgentActivated,
    march: BusinessTime,
) -> None:
    member = await enrol(session)
    march.at(clock.now() + timedelta(hours=1))
    await TASKS.on_agents_decided(session, [away(AgentSuspended, successor.agent_id)])
    march.at(clock.now() + timedelta(hours=1))
    back = at_work(AgentReinstated, agent_id=successor.agent_id)
    await TASKS.on_agents_decided(session, [back])

    made = await service.change(
        session, member_id=member.id, new=to(successor.agent_id), officer=officer.principal
    )

    assert made.wadah_id == back.wadah_id


async def test_the_branch_replaces_a_successor_who_leaves_before_the_first_day(
    session: AsyncSession,
    enrol: Enrol,
    officer: Any,
    successor: AgentActivated,
    march: BusinessTime,
    published: Published,
) -> None:
    member = await enrol(session)
    plan = to(successor.agent_id, from_date=APRIL)
    await service.change(session, member_id=member.id, new=plan, officer=officer.principal)
    march.at(datetime(2026, 3, 20, 3, 0, tzinfo=UTC))

    gone = away(AgentSuspended, successor.agent_id)
    for _ in range(2):
        await TASKS.on_agents_decided(session, [gone])

    facts = [data for kind, data in await published(session) if kind == "member.attributed.v1"]
    assert [each["attribution_no"] for each in facts] == [1, 2, 3]
    assert [each["agent_id"] for each in facts[-1]["periods"]][1:] == [None]
    march.at(datetime(2026, 4, 1, 3, 0, tzinfo=UTC))
    await sees(session, officer, member)
    assert (member.agent_id, member.present_period.reason) == (
        None,
        AttributionReason.AGENT_NOT_AT_WORK,
    )


async def test_the_members_of_a_dismissed_agent_pass_to_the_branch_at_midnight(
    session: AsyncSession,
    enrol: Enrol,
    agent: Any,
    officer: Any,
    march: BusinessTime,
) -> None:
    own = at_work(AgentActivated, agent_id=agent.principal.agent_id)
    await TASKS.on_agents_decided(session, [own])
    member = await enrol(session)

    await TASKS.on_agents_decided(session, [away(AgentDismissed, own.agent_id)])

    assert not await sees(session, agent, member)
    assert member.agent_id == own.agent_id
    march.at(datetime(2026, 3, 11, 3, 0, tzinfo=UTC))
    assert await sees(session, officer, member)
    assert (member.present_period.agent_id, member.present_period.reason) == (
        None,
        AttributionReason.AGENT_DISMISSED,
    )
