from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods import service as attribution_periods
from member_service.attribution_periods.rules import DecisionKind
from member_service.attributions import service as attributions
from member_service.coverage import service
from member_service.registrations.rules import Terms
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
    PaymentSettled,
)

BATCH = 200

AgentEvent = AgentActivated | AgentReinstated | AgentSuspended | AgentDismissed

DECISIONS: dict[type[AgentEvent], DecisionKind] = {
    AgentActivated: DecisionKind.ACTIVATED,
    AgentReinstated: DecisionKind.REINSTATED,
    AgentSuspended: DecisionKind.SUSPENDED,
    AgentDismissed: DecisionKind.DISMISSED,
}


class CoverageTasks:
    """What the feeds and the calendar do here. terms: those of the service's settings."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    async def on_payments_settled(
        self, session: AsyncSession, events: Sequence[PaymentSettled]
    ) -> None:
        await service.extend(session, events, self._terms)

    async def on_agent_at_work(
        self, session: AsyncSession, event: AgentActivated | AgentReinstated
    ) -> None:
        await attribution_periods.note_agent(session, event)
        await self._take_decision(session, event)

    async def on_agent_away(
        self, session: AsyncSession, event: AgentSuspended | AgentDismissed
    ) -> None:
        await self._take_decision(session, event)

    async def _take_decision(self, session: AsyncSession, event: AgentEvent) -> None:
        touched = await attributions.take_decision(
            session, event.agent_id, DECISIONS[type(event)], decided_at=event.decided_at
        )
        if touched:
            await service.judge_members(session, touched, self._terms)

    async def announce_ends(self, database: Database) -> bool:
        """Announce registrations that have ended; return whether there is more to do."""

        async def announce(session: AsyncSession, limit: int) -> int:
            return await service.announce_ends(session, terms=self._terms, limit=limit)

        return await run_in_batches(database, announce, batch=BATCH)
