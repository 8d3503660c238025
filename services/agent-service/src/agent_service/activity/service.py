"""Activity of agents by month, from the coverage answers of member-service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity import queries, rules
from agent_service.activity.rules import Answer, Counts, LackingActivity, Policy, Verdict
from agent_service.agents import rules as agent_rules
from agent_service.agents import service as agents
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month, list_months
from perisai_kit.events.catalogue import CoverageDeclined, CoverageExtended, CoverageWithdrawn


@dataclass(frozen=True, slots=True)
class Activity:
    """Activity of an agent. counts: of every requested month, the oldest first."""

    agent_id: UUID
    in_office_since: date
    counts: tuple[tuple[Month, Counts], ...]
    verdict: Verdict
    policy: Policy


async def take_answers(
    session: AsyncSession,
    events: Sequence[CoverageExtended | CoverageWithdrawn | CoverageDeclined],
) -> None:
    """Record coverage answers; the highest number counts, in any order of arrival."""
    answers = rules.keep_latest(_read_answer(event) for event in events)
    await queries.record_answers(session, answers)


async def report(
    session: AsyncSession, agent_id: UUID, *, principal: Principal, months: int, settings: Settings
) -> Activity:
    """Return the activity of an agent in the last months, with this one, and the verdict.

    Raises: AgentNotFound, also for an agent the subject may not see.
    """
    policy = Policy(settings.inactivity_window_months, LackingActivity(settings.inactivity_lacking))
    agent = await agents.get_visible(session, agent_id, principal=principal)
    today = clock.today()
    this_month = Month.of(today)
    asked = list_months(this_month.plus(1 - months), months)
    first = min(asked[0], rules.find_window(today, policy.window_months)[0])
    days = await queries.count_by_day(
        session, agent_id, first=first.first_day, last=this_month.last_day
    )
    decisions = await agents.list_decisions(session, agent_id)
    counts = rules.count_by_month(
        days, at_work_on=lambda day: agent_rules.is_at_work(decisions, day)
    )
    return Activity(
        agent_id=agent.id,
        in_office_since=agent.in_office_since,
        counts=tuple((month, counts.get(month, Counts())) for month in asked),
        verdict=rules.judge(
            counts, in_office_since=agent.in_office_since, today=today, policy=policy
        ),
        policy=policy,
    )


def _read_answer(event: CoverageExtended | CoverageWithdrawn | CoverageDeclined) -> Answer:
    """Return which agent an event credits.

    No agent gets credit for a declined allocation, or if all months are withdrawn: a withdrawn
    month counts as never paid (docs/domain.md).
    """
    paid = None if isinstance(event, CoverageDeclined) or not event.months else event
    agent_id = paid.agent_id if paid else None
    return Answer(
        allocation_id=event.allocation_id,
        answer_no=event.answer_no,
        agent_id=agent_id,
        counts_on=jakarta_date(event.counts_at),
        is_acquisition=bool(agent_id and paid and paid.is_acquisition),
    )
