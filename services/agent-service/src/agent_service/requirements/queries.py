from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.requirements.models import Check
from agent_service.requirements.rules import Requirement, RequirementOutcome

MAX_CHECKS = 200
MAX_REQUIREMENTS = 100
"""More than any settings have; it bounds what is read at once."""


async def list_deciding(session: AsyncSession, application_id: UUID) -> Sequence[Check]:
    """Return the check that counts for each requirement: the latest with an answer."""
    chosen = (
        select(Check)
        .ext(distinct_on(Check.requirement))
        .where(Check.application_id == application_id)
        .order_by(
            Check.requirement,
            Check.outcome == RequirementOutcome.UNKNOWN,
            Check.id.desc(),
        )
        .limit(MAX_REQUIREMENTS)
    )
    return (await session.scalars(chosen)).all()


async def list_checks(session: AsyncSession, application_id: UUID) -> Sequence[Check]:
    """Return the latest checks, the latest first."""
    chosen = select(Check).where(Check.application_id == application_id)
    latest = chosen.order_by(Check.id.desc()).limit(MAX_CHECKS)
    return (await session.scalars(latest)).all()


async def count_verifications(
    session: AsyncSession, application_id: UUID, *, since: datetime
) -> int:
    counted = select(func.count()).where(
        Check.application_id == application_id,
        Check.requirement == Requirement.MEMBERSHIP.value,
        Check.checked_at > since,
    )
    return await session.scalar(counted) or 0
