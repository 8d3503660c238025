"""Handlers of events: the roles of agents, and changed numbers of members."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.people import service
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import AgentAtWork, AgentDecided, AgentMoved, MemberUpdated


async def on_agents_decided(session: AsyncSession, events: Sequence[AgentDecided]) -> None:
    """Give the accounts of agents at work their role, and remove that of others."""
    await service.lock_accounts(session, {event.account_id for event in events})
    await service.remember_agents(session, {event.agent_id: event.account_id for event in events})
    for event in events:
        now = clock.real_now()
        if isinstance(event, AgentAtWork):
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


async def on_agents_moved(session: AsyncSession, events: Sequence[AgentMoved]) -> None:
    """Store the moves of agents to other wadahs."""
    await service.take_moves(session, events)


async def on_members_updated(session: AsyncSession, events: Sequence[MemberUpdated]) -> None:
    """End the sessions of members after a change of their number."""
    member_ids = {event.member_id for event in events if "phone" in event.changed}
    if member_ids:
        await service.end_phones(session, member_ids=member_ids, now=clock.real_now())
