from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.attributions import service as attributions
from member_service.coverage import service
from member_service.open_bills import service as open_bills
from member_service.registrations.rules import Terms
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import (
    AgentDecided,
    AgentMoved,
    AllocationReversed,
    PaymentSettled,
)

BATCH = 200


class CoverageTasks:
    """Handlers of the feeds, and the periodic task. terms: from the service's settings."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    async def on_allocations_changed(
        self, session: AsyncSession, events: Sequence[PaymentSettled | AllocationReversed]
    ) -> None:
        """Record allocations and reversals, judge the members, and close the bills paid."""
        await allocations.take_allocations(session, events, self._terms)
        paid = [each.bill_id for each in events if isinstance(each, PaymentSettled)]
        await open_bills.close_paid(session, paid)

    async def on_agents_decided(
        self, session: AsyncSession, events: Sequence[AgentDecided]
    ) -> None:
        """Record decisions of agent-service on agents, and judge the members concerned."""
        touched = await attributions.take_decisions(session, events)
        if touched:
            await allocations.judge_members(session, touched, self._terms)

    async def on_agents_moved(self, session: AsyncSession, events: Sequence[AgentMoved]) -> None:
        """Record moves of agents to other wadahs, and judge the members concerned."""
        touched = await attributions.take_moves(session, events)
        if touched:
            await allocations.judge_members(session, touched, self._terms)

    async def announce_ends(self, database: Database) -> bool:
        """Announce registrations that have ended; return whether there is more to do."""

        async def announce(session: AsyncSession, limit: int) -> int:
            return await service.announce_ends(session, terms=self._terms, limit=limit)

        return await run_in_batches(database, announce, batch=BATCH)
