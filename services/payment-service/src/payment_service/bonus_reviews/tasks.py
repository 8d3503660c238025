"""What member-service's feed tells of striking acquisitions."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import service
from perisai_kit.events.catalogue import MemberRiskFlagged
from perisai_kit.events.subscription import FeedSource, Subscription

MEMBERS = "bonus_reviews.members"
"""The subscription to member-service's feed. The name is its cursor's key: never rename it."""


class ReviewTasks:
    """Handlers of the feed. review_from: so many flagged acquisitions of a month open a review."""

    def __init__(self, review_from: int) -> None:
        self._review_from = review_from

    async def on_members_flagged(
        self, session: AsyncSession, events: Sequence[MemberRiskFlagged]
    ) -> None:
        await service.take_flags(session, events, review_from=self._review_from)

    def subscribe(self, members: FeedSource, *, poll_s: float) -> Subscription:
        """Return the subscription that opens reviews."""
        return Subscription(
            name=MEMBERS,
            source=members,
            poll_s=poll_s,
            batch_handlers={MemberRiskFlagged: self.on_members_flagged},
        )
