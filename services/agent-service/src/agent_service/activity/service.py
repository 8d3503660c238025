"""What each agent did each month, learned from the feeds of the other services."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity import queries, rules
from agent_service.activity.rules import Counts, FactKind, LackingActivity, Policy, Verdict
from agent_service.agents import service as agents
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month, list_months
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled


@dataclass(frozen=True, slots=True)
class Activity:
    """counts: of every month asked for, the oldest first."""

    agent_id: UUID
    in_office_since: date
    counts: tuple[tuple[Month, Counts], ...]
    verdict: Verdict
    policy: Policy


async def take_attributions(session: AsyncSession, events: Sequence[MemberAttributed]) -> None:
    """Count each member who is new to BPU for his agent, in the month he begins with him."""
    facts = [
        (event.attribution_id, event.agent_id, event.from_month)
        for event in events
        if event.new_to_bpu
    ]
    await queries.insert_once_facts(session, FactKind.ACQUISITION, facts, recorded_at=clock.now())


async def take_payments(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    """Count each payment for its agent, in the month the bank took it in, in Jakarta's time."""
    facts = [
        (event.payment_id, event.agent_id, Month.of(jakarta_date(event.paid_at)))
        for event in events
        if event.agent_id is not None
    ]
    await queries.insert_once_facts(session, FactKind.CONTRIBUTION, facts, recorded_at=clock.now())


async def report(
    session: AsyncSession, agent_id: UUID, *, principal: Principal, months: int, settings: Settings
) -> Activity:
    """Return what an agent did in the last months, this one included, and how that is judged.

    Raises: AgentNotFound, also for an agent the subject may not see.
    """
    policy = Policy(settings.inactivity_window_months, LackingActivity(settings.inactivity_lacking))
    agent = await agents.get_visible(session, agent_id, principal=principal)
    today = clock.today()
    this_month = Month.of(today)
    asked = list_months(this_month.plus(1 - months), months)
    first = min(asked[0], rules.window_before(today, policy.window_months)[0])
    counts = await queries.count_by_month(session, agent_id, first=first, last=this_month)
    return Activity(
        agent_id=agent.id,
        in_office_since=agent.in_office_since,
        counts=tuple((month, counts.get(month, Counts())) for month in asked),
        verdict=rules.judge(
            counts, in_office_since=agent.in_office_since, today=today, policy=policy
        ),
        policy=policy,
    )
