"""Compute what allocations earn by the scheme of their month, and say what is booked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import service as bonus_reviews
from payment_service.bonus_reviews.rules import BonusReviewStatus, is_held
from payment_service.commissions import queries, rules
from payment_service.commissions.models import CommissionLine
from payment_service.commissions.queries import MonthSums
from payment_service.commissions.rules import Booked, Entry, Line, Sums, TooManyPayments
from payment_service.counting import service as counting
from payment_service.counting.queries import Threshold
from payment_service.counting.rules import (
    AgentMonth,
    AnsweredAllocation,
    BeneficiaryKind,
    Crossing,
    booked_month,
    find_movable,
)
from payment_service.schemes import service as schemes
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import Applied, SchemeVerdict, scheme_of
from payment_service.settings import Settings
from perisai_kit.db.engine import use_indexes
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month

RECOMPUTED_AT_ONCE = 10_000
"""Payments of one agent and month; far beyond what one person brings, it bounds a request."""


async def compute_due(session: AsyncSession, limit: int) -> int:
    """Compute allocations that wait for nothing any more, and return how many.

    What is booked for an allocation becomes what the facts of now earn: missing lines are booked,
    and lines that do not stand any more are taken back by opposite ones. So neither the order in
    which facts arrive nor a repeat changes a sum. The number of SQL statements is fixed.
    """
    await use_indexes(session)
    if not await counting.list_due(session, limit=1):
        return 0
    watermark = await counting.lock_months(session)
    due = await counting.list_due(session, limit=limit)
    if due:
        approved = await schemes.approved(session)
        allocations = await counting.read_allocations(session, due)
        crossings, changed = await _count_acquisitions(session, allocations, approved)
        allocations += await counting.read_allocations(session, changed)
        await _book(session, allocations, approved, crossings, watermark.closed_through)
        await counting.end_waits(session, due)
        await counting.count_through(session, watermark, max(each.month for each in allocations))
    return len(due)


async def decide(
    session: AsyncSession, scheme_id: UUID, *, verdict: SchemeVerdict, by: UUID, settings: Settings
) -> Scheme:
    """Approve or reject a scheme that somebody else proposed.

    Raises: SchemeNotFound, SchemeDecided, OwnProposal, SchemeTooEarly, SchemeMonthTaken,
    SchemeTooGenerous.
    """
    earliest = await counting.first_free_month(session)
    return await schemes.decide(
        session, scheme_id, verdict=verdict, by=by, earliest=earliest, settings=settings
    )


async def months_with_lines(
    session: AsyncSession, *, after: Month | None, before: Month | None = None, limit: int
) -> list[MonthSums]:
    """Return the months between two in which something was booked, the latest first."""
    return await queries.list_months(session, after=after, before=before, limit=limit)


def booked_in(month: Month) -> Select[Any]:
    """Return the query of what is booked for each beneficiary in a month, for work on sets.

    Columns: beneficiary_id, line_count, contribution_parts, acquisition_parts, override_parts.
    """
    return queries.booked_in(month)


def booked_for(beneficiary_id: ColumnElement[Any], month: Month) -> Select[Any]:
    """Return the query of what is booked for one beneficiary in a month; no row for nothing.

    beneficiary_id: a column of the query around it. Columns: as `booked_in`, without it.
    """
    return queries.booked_for(beneficiary_id, month)


async def list_month_sums(
    session: AsyncSession, beneficiary_id: UUID, *, after: Month | None, through: Month
) -> dict[Month, Sums]:
    """Return what is booked for a beneficiary in each month after one, by month in order."""
    return await queries.list_month_sums(session, beneficiary_id, after=after, through=through)


async def sum_month(session: AsyncSession, beneficiary_id: UUID, month: Month) -> Sums:
    """Return what the lines booked in a month add up to, in parts by rule."""
    return await queries.sum_month(session, beneficiary_id, month)


async def list_sums_between(
    session: AsyncSession, beneficiary_id: UUID, *, after: Month | None, before: Month
) -> Sequence[int]:
    """Return the parts booked for a beneficiary in each month between two, neither inside."""
    return await queries.list_sums_between(session, beneficiary_id, after=after, before=before)


async def list_lines(
    session: AsyncSession, *, beneficiary_id: UUID, month: Month, after_id: int, limit: int
) -> Sequence[CommissionLine]:
    """Return a beneficiary's lines of a month in the order they were booked."""
    return await queries.list_lines(
        session, beneficiary_id=beneficiary_id, month=month, after_id=after_id, limit=limit
    )


async def sum_under(
    session: AsyncSession, scheme: Applied, *, agent_id: UUID, month: Month
) -> Sums:
    """Return what an agent's allocations of a month would earn the agent under a scheme.

    Computed anew from the allocations; nothing is stored.
    Raises: TooManyPayments.
    """
    found = await counting.allocations_of(session, agent_id, month, limit=RECOMPUTED_AT_ONCE + 1)
    if len(found) > RECOMPUTED_AT_ONCE:
        raise TooManyPayments(limit=RECOMPUTED_AT_ONCE)
    return rules.sums_of(rules.lines_of_month(scheme, found), BeneficiaryKind.AGENT)


async def list_lines_under(
    session: AsyncSession, scheme: Applied, allocations: Sequence[AnsweredAllocation]
) -> list[Line]:
    """Return the lines that allocations of any agents would earn under a scheme; none is booked.

    By the same rules, thresholds and bonus reviews as what is booked.
    """
    pairs = _acquiring(allocations)
    terms = scheme.terms
    threshold = Threshold(terms.threshold, terms.sponsored)
    crossings = await counting.find_crossings(session, dict.fromkeys(pairs, threshold))
    held = await bonus_reviews.find_held(session, pairs)
    return [line for each in allocations for line in rules.lines_now(each, scheme, crossings, held)]


async def sum_booked(
    session: AsyncSession, allocation_ids: Collection[UUID], first: Month, last: Month
) -> list[Booked]:
    """Return what is booked for these allocations, which earn for months in a range."""
    return await queries.sum_booked(session, allocation_ids, first, last)


async def sum_held(
    session: AsyncSession,
    scheme: Applied | None,
    review: BonusReviewStatus | None,
    *,
    agent_id: UUID,
    month: Month,
) -> int:
    """Return what an agent's acquisitions of a month would earn if they were released, in parts.

    review: the status of the review of this month. Raises: TooManyPayments.
    """
    if scheme is None or not is_held(review):
        return 0
    return (await sum_under(session, scheme, agent_id=agent_id, month=month)).acquisition_parts


async def _count_acquisitions(
    session: AsyncSession, allocations: Sequence[AnsweredAllocation], approved: Sequence[Applied]
) -> tuple[dict[AgentMonth, Crossing], Sequence[UUID]]:
    """Store which acquisitions stand.

    Return by which allocations agents' months have reached their thresholds, and the other ones
    whose lines change by that: all of a month that has reached or lost its threshold just now, and
    the two that exchange the fixed sum of a month.
    """
    known = await counting.list_acquirers(session, [each.allocation_id for each in allocations])
    pairs = {*known.values()}
    pairs |= _acquiring(allocations)
    terms = {pair: scheme.terms for pair in pairs if (scheme := scheme_of(approved, pair[1]))}
    thresholds = {pair: Threshold(each.threshold, each.sponsored) for pair, each in terms.items()}
    before = await counting.find_crossings(session, thresholds)
    await counting.store_acquisitions(session, allocations, known=known)
    movable = find_movable(thresholds, before, allocations, known)
    found = await counting.find_crossings(session, {pair: thresholds[pair] for pair in movable})
    after = {pair: each for pair, each in before.items() if pair not in movable} | found
    crossed = {pair for pair in movable if (pair in before) is not (pair in after)}
    exchanged = {
        crossing.allocation_id
        for pair in movable & before.keys() & after.keys()
        if terms[pair].acquisition_fixed and before[pair] != after[pair]
        for crossing in (before[pair], after[pair])
    }
    changed = await counting.list_acquiring(session, crossed, exchanged)
    computed = {each.allocation_id for each in allocations}
    return after, [id_ for id_ in changed if id_ not in computed]


async def _book(
    session: AsyncSession,
    allocations: Sequence[AnsweredAllocation],
    approved: Sequence[Applied],
    crossings: Mapping[AgentMonth, Crossing],
    closed_through: Month | None,
) -> None:
    """Book the difference between what allocations earn and what is booked for them."""
    booked = await queries.read_standing(session, [each.allocation_id for each in allocations])
    held = await bonus_reviews.find_held(session, _acquiring(allocations))
    entries: list[Entry] = []
    for allocation in allocations:
        scheme = scheme_of(approved, allocation.month)
        lines = rules.lines_now(allocation, scheme, crossings, held)
        standing = booked.get(allocation.allocation_id, {})
        is_held = allocation.acquiring in held
        entries += rules.entries_of(allocation, lines, standing, is_held=is_held)
    if entries:
        months = [booked_month(each.line.earned_month, closed_through) for each in entries]
        last_added = await queries.insert_lines(session, entries, months, recorded_at=clock.now())
        await queries.add_up_lines(session, after=last_added)


def _acquiring(allocations: Iterable[AnsweredAllocation]) -> set[AgentMonth]:
    """Return the agents' months in which these allocations count as acquisitions."""
    return {each.acquiring for each in allocations if each.acquiring}
