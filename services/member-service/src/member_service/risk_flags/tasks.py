"""What our own feed tells of acquisitions and lapses."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.rules import RiskThresholds
from member_service.risk_flags import service
from perisai_kit.events.catalogue import (
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    RegistrationEnded,
)
from perisai_kit.events.subscription import FeedSource, Subscription
from perisai_kit.events.turns import DEFERRABLE
from perisai_kit.privacy.keyring import Keyring

OWN = "risk_flags.members"
"""The subscription to our own feed. The name is its cursor's key: never rename it."""
LAPSED = "lapsed"

Answer = CoverageExtended | CoverageWithdrawn | CoverageDeclined


class RiskTasks:
    """Handlers of our own feed. thresholds: from the settings of the service."""

    def __init__(self, keyring: Keyring, thresholds: RiskThresholds) -> None:
        self._keyring = keyring
        self._thresholds = thresholds

    async def on_coverage_answered(self, session: AsyncSession, events: Sequence[Answer]) -> None:
        await service.take_answers(
            session,
            {each.allocation_id for each in events},
            keyring=self._keyring,
            thresholds=self._thresholds,
        )

    async def on_registrations_ended(
        self, session: AsyncSession, events: Sequence[RegistrationEnded]
    ) -> None:
        lapsed = {each.registration_id for each in events if each.reason_code == LAPSED}
        if lapsed:
            await service.take_lapses(session, lapsed)

    def subscribe(self, own: FeedSource, *, poll_s: float) -> Subscription:
        """Return the subscription that flags what is striking."""
        return Subscription(
            name=OWN,
            source=own,
            poll_s=poll_s,
            urgency=DEFERRABLE,
            batch_handlers={
                CoverageExtended: self.on_coverage_answered,
                CoverageWithdrawn: self.on_coverage_answered,
                CoverageDeclined: self.on_coverage_answered,
                RegistrationEnded: self.on_registrations_ended,
            },
        )
