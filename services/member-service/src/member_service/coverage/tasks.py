from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage import service
from member_service.registrations.rules import Terms
from perisai_kit.events.catalogue import PaymentSettled


class CoverageTasks:
    """What the payments' feed does here. terms: those of the service's settings."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    async def on_payments_settled(
        self, session: AsyncSession, events: Sequence[PaymentSettled]
    ) -> None:
        await service.extend(session, events, self._terms)
