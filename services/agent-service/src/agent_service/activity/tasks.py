"""Handler of the feed of member-service for the activity of agents."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity import service
from perisai_kit.events.catalogue import CoverageDeclined, CoverageExtended, CoverageWithdrawn


async def on_coverage_answered(
    session: AsyncSession,
    events: Sequence[CoverageExtended | CoverageWithdrawn | CoverageDeclined],
) -> None:
    await service.take_answers(session, events)
