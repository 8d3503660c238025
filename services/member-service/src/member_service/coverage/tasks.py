from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage import service
from perisai_kit.events.catalogue import PaymentSettled


async def on_payments_settled(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    await service.extend(session, events)
