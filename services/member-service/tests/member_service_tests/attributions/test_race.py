"""A dismissal at the same time as new members of the agent: no member is missed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from member_service_tests.attributions.test_service import TASKS, at_work, away, to

from member_service.attribution_periods import service as attribution_periods
from member_service.attribution_periods.rules import AttributionReason
from member_service.attributions import service
from member_service.members import service as members
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AgentActivated, AgentDismissed
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("member").app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.mark.race
async def test_decisions_on_two_agents_and_a_hand_over_between_them_do_not_deadlock(
    own: Database, enrol: Enrol, agent: Any, officer: Any
) -> None:
    first, second = (
        at_work(AgentActivated, agent_id=agent_id)
        for agent_id in (agent.principal.agent_id, new_id())
    )
    async with own.begin() as session:
        await TASKS.on_agents_decided(session, [first, second])
        member_id = (await enrol(session)).id

    async def dismiss() -> None:
        gone = [away(AgentDismissed, each.agent_id) for each in (first, second)]
        async with own.begin() as session:
            await TASKS.on_agents_decided(session, gone)

    async with own.begin() as session:
        await attribution_periods.lock_agent(session, second.agent_id)
        waiting = asyncio.create_task(dismiss())
        await asyncio.sleep(0.3)
        new = to(second.agent_id)
        await service.change(session, member_id=member_id, new=new, officer=officer.principal)
    await asyncio.wait_for(waiting, 10)

    async with own.read() as session:
        member = await members.see(session, member_id=member_id, viewer=officer.principal)
        assert member.attribution_periods[-1].agent_id is None


@pytest.mark.race
@pytest.mark.parametrize("how", ["enrolment", "hand-over"])
async def test_a_dismissal_finds_members_who_are_handed_to_the_agent_at_the_same_time(
    own: Database, enrol: Enrol, agent: Any, officer: Any, how: str
) -> None:
    activated = at_work(AgentActivated, agent_id=agent.principal.agent_id)
    async with own.begin() as session:
        await TASKS.on_agents_decided(session, [activated])
        member_id = (await enrol(session, by=officer)).id
    dismissed = asyncio.Event()

    async def dismiss() -> None:
        async with own.begin() as session:
            await TASKS.on_agents_decided(session, [away(AgentDismissed, activated.agent_id)])
        dismissed.set()

    async with own.begin() as session:
        if how == "enrolment":
            member_id = (await enrol(session)).id
        else:
            new = to(activated.agent_id)
            await service.change(session, member_id=member_id, new=new, officer=officer.principal)
        waiting = asyncio.create_task(dismiss())
        await asyncio.sleep(0.3)
        assert not dismissed.is_set()
    await asyncio.wait_for(waiting, 10)

    async with own.read() as session:
        member = await members.see(session, member_id=member_id, viewer=officer.principal)
        last = member.attribution_periods[-1]
    assert (last.agent_id, last.reason) in {
        (None, AttributionReason.AGENT_DISMISSED),
        (None, AttributionReason.AGENT_NOT_AT_WORK),
    }
