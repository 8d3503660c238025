"""Count agents and applications for a start page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity import rules as activity
from agent_service.activity.rules import LackingActivity
from agent_service.agents import queries as agents
from agent_service.agents.rules import AgentStatus
from agent_service.applications import queries as applications
from agent_service.applications.rules import ApplicationStatus
from agent_service.overview import queries
from agent_service.overview.queries import Span
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month


@dataclass(frozen=True, slots=True)
class Overview:
    """idle: active agents, in office before this month, without any activity in it.
    inactive: as judged now.
    nearly_inactive: judged so on the first of next month if nothing happens; the inactive ones are
    not among them.
    """

    as_of: datetime
    agents: Mapping[AgentStatus, int]
    applications: Mapping[ApplicationStatus, int]
    idle: int
    inactive: int
    nearly_inactive: int


async def add_up(session: AsyncSession, principal: Principal, settings: Settings) -> Overview:
    """Return the figures of the agents and applications that the subject may see."""
    now = clock.now()
    today = jakarta_date(now)
    month = Month.of(today)
    seen = agents.is_visible_to(principal)
    lacking = LackingActivity(settings.inactivity_lacking)
    judged = _span(activity.find_window(today, settings.inactivity_window_months))
    next_month = month.plus(1).first_day
    coming = _span(activity.find_window(next_month, settings.inactivity_window_months))
    return Overview(
        as_of=now,
        agents=await queries.count_agents(session, seen),
        applications=await queries.count_waiting_applications(
            session, applications.is_visible_to(principal)
        ),
        idle=await queries.count_lacking(
            session, seen, _span([month]), lacking=LackingActivity.BOTH
        ),
        inactive=await queries.count_lacking(session, seen, judged, lacking=lacking),
        nearly_inactive=await queries.count_lacking(
            session, seen, coming, lacking=lacking, beside=judged
        ),
    )


def _span(months: Sequence[Month]) -> Span:
    return months[0].first_day, months[-1].last_day
