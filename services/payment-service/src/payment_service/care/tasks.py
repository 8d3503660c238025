from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.care import service
from payment_service.care.service import Told
from perisai_kit.events.catalogue import CareChanged

MEMBERS = "care.members"
"""The subscription to member-service's feed. A cursor's key: never rename it."""


async def on_care_changed(session: AsyncSession, events: Sequence[CareChanged]) -> None:
    """Learn who cares for members."""
    told = [Told(event.member_id, event.care_no, event.periods) for event in events]
    await service.take(session, told)
