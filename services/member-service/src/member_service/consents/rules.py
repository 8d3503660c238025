"""What a member has agreed to, and when."""

from datetime import datetime, timedelta

from member_service.declarations.rules import DeclaredInFuture
from perisai_kit.domain.errors import Invalid

CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead a telephone's clock may run before its dates are refused. Our own choice."""


def consent_problems(*, given_at: datetime, now: datetime) -> list[Invalid]:
    """Return what is wrong with a consent."""
    if given_at > now + CLOCK_SKEW:
        return [DeclaredInFuture(field="consent.given_at")]
    return []
