"""Rules for the consent of a member."""

from datetime import datetime

from member_service.declarations.rules import DeclaredInFuture
from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.jakarta import CLOCK_SKEW


def find_consent_problems(*, given_at: datetime | None, now: datetime) -> list[Invalid]:
    """Return what is wrong with a consent. given_at: None: not known, and no problem."""
    if given_at is not None and given_at > now + CLOCK_SKEW:
        return [DeclaredInFuture(field="consent.given_at")]
    return []
