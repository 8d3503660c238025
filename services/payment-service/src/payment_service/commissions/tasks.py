"""What the feeds tell: our own of settled payments, member-service's of attributions."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled


async def on_payments_settled(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    await service.take_payments(session, events)


async def on_members_attributed(session: AsyncSession, events: Sequence[MemberAttributed]) -> None:
    await service.take_attributions(session, events)
