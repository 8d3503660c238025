from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from agent_service.activity.models import CoverageAnswer
from agent_service.activity.rules import LackingActivity
from agent_service.agents.models import Agent
from agent_service.agents.rules import AgentStatus
from agent_service.applications.models import Application
from agent_service.applications.rules import LIVE, ApplicationStatus

Span: TypeAlias = tuple[date, date]
"""The first day and the last one."""


async def count_agents(
    session: AsyncSession, seen: ColumnElement[bool]
) -> Mapping[AgentStatus, int]:
    """Return how many visible agents there are, by status."""
    return await _count_by(session, Agent.status, seen)


async def count_waiting_applications(
    session: AsyncSession, seen: ColumnElement[bool]
) -> Mapping[ApplicationStatus, int]:
    """Return how many visible applications are not decided, by status."""
    return await _count_by(session, Application.status, seen, Application.status.in_(LIVE))


async def _count_by(
    session: AsyncSession, status: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]
) -> dict[Any, int]:
    statement = select(status, func.count()).where(*conditions).group_by(status)
    return {row[0]: row[1] for row in await session.execute(statement)}


async def count_lacking(
    session: AsyncSession,
    seen: ColumnElement[bool],
    span: Span,
    *,
    lacking: LackingActivity,
    beside: Span | None = None,
) -> int:
    """Count active visible agents, in office on the first day, without activity on these days.

    beside: without those who are so on these other days too.
    As `activity.rules.judge` says of them; who is active and in office since then has been at work
    on all these days, so that every acquisition counts.
    """
    is_active = Agent.status == AgentStatus.ACTIVE
    conditions = [seen, is_active, _lacks(span, lacking)]
    if beside is not None:
        conditions.append(~_lacks(beside, lacking))
    statement = select(func.count()).select_from(Agent).where(*conditions)
    return await session.scalar(statement) or 0


def _lacks(span: Span, lacking: LackingActivity) -> ColumnElement[bool]:
    first, last = span
    in_office = Agent.in_office_since <= first
    own = and_(CoverageAnswer.agent_id == Agent.id, CoverageAnswer.counts_on.between(first, last))
    no_contribution = ~exists().where(own)
    no_acquisition = ~exists().where(own, CoverageAnswer.is_acquisition)
    if lacking is LackingActivity.BOTH:
        return and_(in_office, no_contribution, no_acquisition)
    return and_(in_office, or_(no_contribution, no_acquisition))
