"""Handlers of events: the roles of agents, and members whose number was changed."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.people import queries, service
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
    MemberUpdated,
)

AgentEvent: TypeAlias = AgentActivated | AgentReinstated | AgentSuspended | AgentDismissed


async def on_agents_decided(session: AsyncSession, events: Sequence[AgentEvent]) -> None:
    """Give the accounts of agents at work their role, and remove that of others."""
    await queries.lock_accounts(session, {event.account_id for event in events})
    for event in events:
        now = clock.real_now()
        if isinstance(event, AgentActivated | AgentReinstated):
            await service.add_agent(
                session,
                account_id=event.account_id,
                agent_id=event.agent_id,
                wadah_id=event.wadah_id,
                branch_code=event.branch_code,
                region_code=event.region_code,
                now=now,
            )
        else:
            await service.remove_agent(
                session, account_id=event.account_id, agent_id=event.agent_id, now=now
            )


async def on_members_updated(session: AsyncSession, events: Sequence[MemberUpdated]) -> None:
    """Sign out members whose number was changed."""
    member_ids = {event.member_id for event in events if "phone" in event.changed}
    if member_ids:
        await service.end_phones(session, member_ids=member_ids, now=clock.real_now())
