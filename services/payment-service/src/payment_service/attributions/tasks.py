from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import service
from payment_service.attributions.service import Attributed
from perisai_kit.events.catalogue import MemberAttributed

MEMBERS = "attributions.members"
"""The subscription to member-service's feed. A cursor's key: never rename it."""


async def on_members_attributed(session: AsyncSession, events: Sequence[MemberAttributed]) -> None:
    """Store the attributions of members."""
    attributed = [
        Attributed(event.member_id, event.attribution_no, event.periods) for event in events
    ]
    await service.take(session, attributed)
