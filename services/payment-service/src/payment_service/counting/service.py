"""Store what the feeds say of allocations, which wait until their commission is computed.

There are three feeds, in any order relative to each other: our own of settled allocations,
member-service's of its answers, agent-service's of decisions on agents. A handler only stores the
fact and which allocations it may change; commissions computes them. Counting and closing hold the
watermark's lock, so that neither misses what the other is just writing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import service as agents
from payment_service.agents.rules import Decision, is_at_work
from payment_service.answers import service as answers
from payment_service.answers.queries import AnswerKey
from payment_service.answers.rules import AnswerOutcome
from payment_service.answers.service import Answer
from payment_service.attributions import service as attributions
from payment_service.counting import queries, rules
from payment_service.counting.models import Beneficiary, Watermark
from payment_service.counting.queries import Facts, Threshold, Waiting
from payment_service.counting.rules import (
    AgentMonth,
    AnsweredAllocation,
    BeneficiaryKind,
    Crossing,
    NewMembers,
)
from payment_service.schemes.rules import SELF
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date, midnight
from perisai_kit.domain.month import Month
from perisai_kit.events import cursors
from perisai_kit.events import parking as parked
from perisai_kit.events.catalogue import AgentAtWork, AgentDecided, CoverageDeclined, PaymentSettled
from perisai_kit.events.positions import has_unread

PAYMENTS = "commissions.payments"
"""The subscription to our own feed. The names are cursors' keys: never rename them."""
MEMBERS = "commissions.members"
"""The subscription to member-service's feed."""
AGENTS = "commissions.agents"
"""The subscription to agent-service's feed."""
SUBSCRIPTIONS = (PAYMENTS, MEMBERS, AGENTS)


async def take_settlements(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    """Let settled allocations wait for their answers. Locks the months."""
    await queries.lock_watermark(session)
    await queries.insert_waits_of_settlements(session, events)


async def take_answers(session: AsyncSession, events: Sequence[Answer]) -> list[Answer]:
    """Store member-service's answers, and let the allocations be computed with them.

    Return those that changed what is known. Locks the months.
    """
    await queries.lock_watermark(session)
    changed = await answers.take_answers(session, events)
    await queries.upsert_waits_of_answers(session, [each.allocation_id for each in changed])
    found = _latest(
        _belongs(kind, id_, each.wadah_id, each, is_from_agent_service=False, at=each.counts_at)
        for each in events
        if not isinstance(each, CoverageDeclined) and each.wadah_id is not None
        for kind, id_ in (
            (BeneficiaryKind.AGENT, each.agent_id),
            (BeneficiaryKind.WADAH, each.wadah_id),
        )
        if id_ is not None
    )
    if found:
        await queries.upsert_beneficiaries(session, found)
    return changed


async def take_agents(session: AsyncSession, events: Sequence[AgentDecided]) -> None:
    """Store decisions on agents, and let the allocations they may change be computed anew.

    Locks the months.
    """
    await queries.lock_watermark(session)
    since: dict[UUID, datetime] = {}
    for agent_id, decision in await agents.take_decisions(session, events):
        begins = decision.changes_from
        since[agent_id] = min(begins, since.get(agent_id, begins))
    await queries.upsert_waits_of_agents(session, since)
    found = _latest(
        _belongs(kind, id_, each.wadah_id, each, is_from_agent_service=True, at=each.decided_at)
        for each in events
        if isinstance(each, AgentAtWork)
        for kind, id_ in (
            (BeneficiaryKind.AGENT, each.agent_id),
            (BeneficiaryKind.WADAH, each.wadah_id),
        )
    )
    if found:
        await queries.upsert_beneficiaries(session, found)


async def recompute_acquisitions(session: AsyncSession, pairs: Collection[AgentMonth]) -> None:
    """Let what acquired members in these agents' months be computed anew.

    The caller has locked the months.
    """
    await queries.upsert_waits_of_acquired(session, pairs)


async def lock_months(session: AsyncSession) -> Watermark:
    """Let nobody count or close until this transaction ends."""
    return await queries.lock_watermark(session)


async def first_free_month(session: AsyncSession) -> Month | None:
    """Return the first month that is neither closed nor counted in, and keep it so."""
    watermark = await queries.lock_watermark(session)
    return rules.first_free_month(watermark.closed_through, watermark.counted_through)


async def count_through(session: AsyncSession, watermark: Watermark, month: Month) -> None:
    """Note that allocations of a month were counted; the caller has locked the months."""
    if watermark.counted_through is None or watermark.counted_through < month:
        watermark.counted_through = month
        await session.flush()


async def begin_closing(session: AsyncSession, watermark: Watermark, month: Month) -> None:
    """Book nothing more in any month up to this one; the caller has locked the months."""
    watermark.closed_through = watermark.closing = month
    await session.flush()


async def end_closing(session: AsyncSession) -> None:
    """Note that the statements of the month being closed are complete. Locks the months."""
    (await queries.lock_watermark(session)).closing = None
    await session.flush()


async def read_watermark(session: AsyncSession) -> Watermark:
    """Return how far months are closed and counted, without a lock."""
    return await queries.get_watermark(session)


async def closed_through(session: AsyncSession) -> Month | None:
    """Return the last closed month."""
    return (await queries.get_watermark(session)).closed_through


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription has come. unread: it has not read everything up to an instant."""

    name: str
    caught_up_at: datetime | None
    unread: bool
    parked: int


async def progress(session: AsyncSession, *, through: datetime) -> list[Progress]:
    """Return how far the subscriptions that commissions stand on have come."""
    found, waiting = [], await parked.count_waiting(session, SUBSCRIPTIONS)
    begun = {each.name: each for each in await cursors.list_cursors(session, SUBSCRIPTIONS)}
    for name in SUBSCRIPTIONS:
        cursor = begun.get(name)
        caught_up_at = cursor.caught_up_at if cursor else None
        unread = caught_up_at is None or caught_up_at < through
        if name == PAYMENTS and cursor is not None:
            # Our own events are in this database, so unread ones are looked up directly.
            unread = unread or await has_unread(
                session, PaymentSettled.type, after=cursor.position, before=through
            )
        found.append(Progress(name, caught_up_at, unread, waiting.get(name, 0)))
    return found


async def list_due(session: AsyncSession, *, limit: int) -> Sequence[UUID]:
    """Return allocations of which all is known that they wait for."""
    cursor = await cursors.find_cursor(session, AGENTS)
    if cursor is None or cursor.caught_up_at is None:
        return []
    return await queries.list_due(session, until=cursor.caught_up_at, limit=limit)


async def waits_for_agents(session: AsyncSession) -> bool:
    """Tell whether an answered allocation waits for agents' events that could be read now."""
    cursor = await cursors.find_cursor(session, AGENTS)
    after = cursor.caught_up_at if cursor else None
    return await queries.has_answered_waits(session, after=after, until=clock.now())


async def end_waits(session: AsyncSession, allocation_ids: Collection[UUID]) -> None:
    """Note that the commission of these allocations is computed."""
    await queries.delete_waits(session, allocation_ids)


async def count_waits(
    session: AsyncSession, *, before: datetime | None = None, agent_id: UUID | None = None
) -> dict[Month, Waiting]:
    """Count the allocations whose commission is not computed yet, by the month they count in.

    agent_id: only those that are answered as this agent's, or are not answered yet and were paid
    while the member was attributed to this agent.
    """
    return await queries.count_waits(session, before=before, agent_id=agent_id)


async def read_allocations(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> list[AnsweredAllocation]:
    """Return what is known of these allocations, by when they count."""
    return await _with_agents(session, await queries.read_facts(session, allocation_ids))


async def allocations_of(
    session: AsyncSession, agent_id: UUID, month: Month, *, limit: int
) -> list[AnsweredAllocation]:
    """Return the allocations of a month for an agent's members, as far as they wait for nothing."""
    begins, ends = _span(month, month)
    ids = await answers.list_of_agent(session, agent_id, begins, ends, limit=limit)
    return await read_computed(session, ids)


async def read_computed(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> list[AnsweredAllocation]:
    """Return what is known of those of these allocations whose commission waits for nothing."""
    return await _with_agents(session, await queries.read_computed_facts(session, allocation_ids))


async def list_answered(
    session: AsyncSession, first: Month, last: Month, *, after: AnswerKey | None, limit: int
) -> list[AnswerKey]:
    """Return the next allocations of agents' members that count in a range of months, by agent.

    after: the last one of the batch before.
    """
    begins, ends = _span(first, last)
    return await answers.list_of_agents(session, begins, ends, after=after, limit=limit)


async def count_answered(session: AsyncSession, first: Month, last: Month) -> int:
    """Count what `list_answered` lists in all."""
    return await answers.count_of_agents(session, *_span(first, last))


async def list_acquirers(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> dict[UUID, AgentMonth]:
    """Return for which agent's month these allocations counted as acquisitions so far."""
    found = await queries.list_acquisitions(session, allocation_ids)
    return {each.allocation_id: (each.agent_id, each.month) for each in found if each.agent_id}


async def store_acquisitions(
    session: AsyncSession, allocations: Sequence[AnsweredAllocation], *, known: Collection[UUID]
) -> None:
    """Store for whom allocations count as acquisitions. known: those that did so far."""
    rows = [
        {
            "allocation_id": each.allocation_id,
            "agent_id": each.acquirer,
            "month": each.month,
            "counts_at": each.counts_at,
            "is_self_paid": each.payer == SELF,
        }
        for each in allocations
        if each.acquirer or each.allocation_id in known
    ]
    if rows:
        await queries.upsert_acquisitions(session, rows)


async def find_crossings(
    session: AsyncSession, thresholds: Mapping[AgentMonth, Threshold]
) -> dict[AgentMonth, Crossing]:
    """Return, where an agent's month has reached its threshold, the allocation that reached it."""
    return await queries.find_crossings(session, thresholds) if thresholds else {}


async def list_acquiring(
    session: AsyncSession, pairs: Collection[AgentMonth], allocation_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Return these allocations and those that acquired members in these agents' months.

    Without those that wait.
    """
    if not pairs and not allocation_ids:
        return []
    return await queries.list_acquiring(session, pairs, allocation_ids)


async def count_new_members(session: AsyncSession, agent_id: UUID, month: Month) -> NewMembers:
    """Count an agent's acquisitions of a month."""
    return await queries.count_new_members(session, agent_id, month)


def beneficiaries(on: date) -> Select[Any]:
    """Return the query of everybody who may have earned something, for work on sets.

    Columns: beneficiary_kind, beneficiary_id, wadah_id of that day, branch_code, region_code.
    """
    return queries.beneficiaries(on)


async def find_beneficiary(
    session: AsyncSession, beneficiary_id: UUID, principal: Principal
) -> Beneficiary | None:
    """Return a beneficiary whose earnings the subject may see."""
    condition = visible_earnings(principal, Beneficiary)
    return await queries.find_beneficiary(session, beneficiary_id, condition)


async def may_see(session: AsyncSession, principal: Principal, person_id: UUID) -> bool:
    """Tell whether the subject may see a member's payments or an agent's earnings."""
    if await find_beneficiary(session, person_id, principal):
        return True
    return await attributions.is_visible(session, principal, person_id)


async def _with_agents(session: AsyncSession, facts: Sequence[Facts]) -> list[AnsweredAllocation]:
    agent_ids = {each.agent_id for each in facts if each.agent_id}
    decisions = await agents.find_decisions(session, agent_ids) if agent_ids else {}
    return [_answered(each, decisions) for each in facts]


def _span(first: Month, last: Month) -> tuple[datetime, datetime]:
    """Return the instants at which a range of months begins and has ended."""
    return midnight(first.first_day), midnight(last.plus(1).first_day)


def _answered(facts: Facts, decisions: Mapping[UUID, Sequence[Decision]]) -> AnsweredAllocation:
    known = decisions.get(facts.agent_id, ()) if facts.agent_id else ()
    return AnsweredAllocation(
        allocation_id=facts.allocation_id,
        payment_id=facts.payment_id,
        member_id=facts.member_id,
        payer=facts.payer,
        counts_at=facts.counts_at,
        paid=facts.paid,
        is_declined=facts.outcome is AnswerOutcome.DECLINED or not facts.stands,
        months=frozenset(Month.parse(month) for month in facts.months if facts.stands),
        first_month=facts.first_month,
        agent_id=facts.agent_id,
        wadah_id=facts.wadah_id,
        is_acquisition=facts.is_acquisition,
        was_at_work=is_at_work(known, jakarta_date(facts.counts_at)),
    )


def _belongs(
    kind: BeneficiaryKind,
    beneficiary_id: UUID,
    wadah_id: UUID,
    place: Any,
    *,
    is_from_agent_service: bool,
    at: datetime,
) -> dict[str, Any]:
    """Return where a beneficiary belongs. place: has a branch_code and a region_code."""
    return {
        "beneficiary_id": beneficiary_id,
        "beneficiary_kind": kind,
        "wadah_id": wadah_id,
        "branch_code": place.branch_code,
        "region_code": place.region_code,
        "is_from_agent_service": is_from_agent_service,
        "known_at": at,
    }


def _latest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each beneficiary: the best known."""
    latest: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        known = latest.setdefault(row["beneficiary_id"], row)
        if known is not row and _rank(known) < _rank(row):
            latest[row["beneficiary_id"]] = row
    return list(latest.values())


def _rank(row: Mapping[str, Any]) -> list[Any]:
    return [row[name] for name in queries.BETTER]
