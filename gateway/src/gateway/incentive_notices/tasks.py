"""Handler of the feed of payment-service for notices about incentives."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.incentive_notices import service
from gateway.incentive_notices.service import IncentiveEvent


async def on_incentives_changed(session: AsyncSession, events: Sequence[IncentiveEvent]) -> None:
    await service.tell(session, events)
