"""Compare what a scheme would have paid in closed months with what was booked.

The worker takes one step after another. A step reads in one snapshot what some payments earned and
would earn, by the rules that book commission, and adds both to the stored sums in a transaction of
its own. So payments and commissions never wait for it, its memory does not grow with the months,
and a worker that was killed goes on where it was. It writes nothing but the comparison.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers.queries import AnswerKey
from payment_service.commissions import service as commissions
from payment_service.counting import service as counting
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.rules import Balance
from payment_service.scheme_comparisons import queries, rules
from payment_service.scheme_comparisons.models import ComparedBeneficiary, SchemeComparison
from payment_service.scheme_comparisons.rules import (
    Amounts,
    ComparisonNotFound,
    ComparisonSort,
    ComparisonStatus,
    ComparisonUnfinished,
    MonthFigures,
    TooManyComparisons,
)
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import check_month
from perisai_kit.db.bulk import OldRows
from perisai_kit.db.engine import allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import (
    Slice,
    bind_cursor,
    cut_page,
    read_bound_cursor,
    read_cursor,
)
from perisai_kit.privacy.read_audit import audit_read

COUNT_MINUTES = 10
"""To count the payments of a year in the index; it locks nothing that others wait for."""


async def ask(
    session: AsyncSession, *, scheme_id: UUID, first: Month, month_count: int, by: UUID
) -> SchemeComparison:
    """Ask what a scheme would have paid in closed months, whatever was decided on it.

    month_count: of the months from the first one on, MAX_MONTHS at most.
    Raises: SchemeNotFound, MonthOutsideProgramme, MonthNotClosed, TooManyComparisons.
    """
    last = first.plus(month_count - 1)
    check_month(first, present=Month.of(clock.today()), field="first_month")
    watermark = await counting.read_watermark(session)
    rules.check_closed(last, closed_through=watermark.closed_through, closing=watermark.closing)
    scheme = await schemes.get(session, scheme_id)
    if await queries.count_open(session) >= rules.MAX_UNFINISHED:
        raise TooManyComparisons(limit=rules.MAX_UNFINISHED)
    comparison = SchemeComparison(
        id=new_id(),
        scheme_id=scheme.id,
        first_month=first,
        last_month=last,
        status=ComparisonStatus.COMPARING,
        asked_by=by,
        asked_at=clock.now(),
        step_no=0,
        compared_count=0,
        waiting_count=0,
        figures=[MonthFigures(each).as_stored() for each in rules.months_between(first, last)],
        failure_count=0,
    )
    await queries.insert_comparison(session, comparison)
    return comparison


async def get(session: AsyncSession, comparison_id: UUID) -> SchemeComparison:
    """Return a comparison and how far it is. Raises: ComparisonNotFound."""
    comparison = await queries.find_comparison(session, comparison_id)
    if comparison is None:
        raise ComparisonNotFound
    return comparison


async def list_comparisons(
    session: AsyncSession, *, cursor: str | None, limit: int
) -> Slice[SchemeComparison]:
    """Return comparisons, the latest first. Raises: CursorInvalid."""
    before_id = read_cursor(cursor, UUID)
    rows = await queries.list_comparisons(session, before_id=before_id, limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a beneficiary gets in all months, and in each of them."""

    beneficiary: ComparedBeneficiary
    months: dict[Month, Amounts]


async def list_beneficiaries(
    session: AsyncSession,
    comparison_id: UUID,
    kind: BeneficiaryKind,
    *,
    wadah_id: UUID | None,
    sort: ComparisonSort,
    cursor: str | None,
    limit: int,
) -> Slice[Compared]:
    """Return the beneficiaries of a finished comparison by what they would get more, or less.

    Raises: ComparisonNotFound, ComparisonUnfinished, CursorInvalid.
    """
    binding = (comparison_id, kind, wadah_id, sort)
    after = read_bound_cursor(cursor, _parse_key, parts=2, binding=binding)
    comparison = await get(session, comparison_id)
    if comparison.status is not ComparisonStatus.DONE:
        raise ComparisonUnfinished(status=comparison.status)
    rows = await queries.list_beneficiaries(
        session, comparison_id, kind, wadah_id=wadah_id, sort=sort, after=after, limit=limit + 1
    )
    page = cut_page(
        rows, limit, key=lambda row: bind_cursor(binding, row.difference, row.beneficiary_id)
    )
    ids = [each.beneficiary_id for each in page.items]
    parts = await queries.read_months(session, comparison_id, ids)
    months = rules.months_between(comparison.first_month, comparison.last_month)
    if kind is BeneficiaryKind.AGENT:
        audit_read(ids)
    shown = [
        Compared(
            each,
            rules.compare(Balance(each.brought_parts), months, parts[each.beneficiary_id]),
        )
        for each in page.items
    ]
    return Slice(shown, page.next_cursor)


def list_old() -> list[OldRows]:
    """Return what is kept no longer, in the order in which it is deleted."""
    return queries.list_old()


def _parse_key(difference: str, beneficiary_id: str) -> tuple[int, UUID]:
    if len(difference) > 20:
        raise ValueError(difference)
    return int(difference), UUID(beneficiary_id)


@dataclass(frozen=True, slots=True)
class PaymentStep:
    """What some payments earned and would earn, and where the next step goes on.

    payment_count: of all, where this is the first step.
    """

    comparison_id: UUID
    step_no: int
    is_last: bool
    last: AnswerKey | None
    compared: int
    waiting: int
    payment_count: int | None
    months: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class BeneficiaryStep:
    """What some beneficiaries get in rupiah, and the figures with it."""

    comparison_id: UUID
    step_no: int
    is_last: bool
    last_id: UUID | None
    beneficiaries: list[dict[str, Any]]
    figures: list[dict[str, Any]]


Step: TypeAlias = PaymentStep | BeneficiaryStep


async def has_open(session: AsyncSession) -> bool:
    """Tell whether a comparison waits for its next step."""
    return await queries.count_open(session) > 0


async def compute_step(session: AsyncSession, *, batch: int) -> Step | None:
    """Return the next step of the first comparison that is not done; it only reads.

    session: all its queries must see the same instant. batch: how many payments, or beneficiaries.
    """
    comparison = await queries.find_open(session)
    if comparison is None:
        return None
    if comparison.status is ComparisonStatus.COMPARING:
        return await _compare_payments(session, comparison, batch)
    return await _compare_beneficiaries(session, comparison, batch)


async def store_step(session: AsyncSession, step: Step) -> None:
    """Store a step, unless another worker has stored it. Locks the comparison."""
    comparison = await queries.lock_comparison(session, step.comparison_id)
    if comparison is None or comparison.step_no != step.step_no:
        return
    if isinstance(step, PaymentStep):
        await _store_payments(session, comparison, step)
    else:
        await _store_beneficiaries(session, comparison, step)
    comparison.step_no += 1
    comparison.failure_code, comparison.failed_at, comparison.failure_count = None, None, 0
    await session.flush()


async def record_failure(session: AsyncSession, code: str) -> None:
    """Store on the comparison that is under way that its next step has failed."""
    found = await queries.find_open(session)
    comparison = await queries.lock_comparison(session, found.id) if found else None
    if comparison is not None:
        comparison.failure_code, comparison.failed_at = code, clock.now()
        comparison.failure_count += 1
        await session.flush()


async def _compare_payments(
    session: AsyncSession, comparison: SchemeComparison, batch: int
) -> PaymentStep:
    first, last = comparison.first_month, comparison.last_month
    payment_count = None
    if comparison.payment_count is None:
        await allow_minutes(session, COUNT_MINUTES)
        payment_count = await counting.count_answered(session, first, last)
    keys = await counting.list_answered(
        session, first, last, after=_place_of(comparison), limit=batch
    )
    allocations = await counting.read_computed(session, [each.allocation_id for each in keys])
    scheme = schemes.applied(await schemes.get(session, comparison.scheme_id))
    lines = await commissions.list_lines_under(session, scheme, allocations)
    ids = [each.allocation_id for each in allocations]
    booked = await commissions.sum_booked(session, ids, first, last)
    return PaymentStep(
        comparison.id,
        comparison.step_no,
        is_last=len(keys) < batch,
        last=keys[-1] if keys else None,
        compared=len(allocations),
        waiting=len(keys) - len(allocations),
        payment_count=payment_count,
        months=[
            {
                "comparison_id": comparison.id,
                "beneficiary_id": beneficiary_id,
                "month": month,
                "beneficiary_kind": kind,
                "actual_parts": parts.actual,
                "would_be_parts": parts.would_be,
            }
            for (beneficiary_id, kind, month), parts in rules.add_up(booked, lines).items()
        ],
    )


def _place_of(comparison: SchemeComparison) -> AnswerKey | None:
    agent_id, counts_at = comparison.last_agent_id, comparison.last_counts_at
    allocation_id = comparison.last_allocation_id
    if agent_id is None or counts_at is None or allocation_id is None:
        return None
    return AnswerKey(agent_id, counts_at, allocation_id)


async def _store_payments(
    session: AsyncSession, comparison: SchemeComparison, step: PaymentStep
) -> None:
    if step.months:
        await queries.add_months(session, step.months)
    if step.payment_count is not None:
        comparison.payment_count = step.payment_count
    comparison.compared_count += step.compared
    comparison.waiting_count += step.waiting
    if step.last is not None:
        comparison.last_agent_id = step.last.agent_id
        comparison.last_counts_at = step.last.counts_at
        comparison.last_allocation_id = step.last.allocation_id
    if step.is_last:
        comparison.status = ComparisonStatus.ADDING_UP


async def _compare_beneficiaries(
    session: AsyncSession, comparison: SchemeComparison, batch: int
) -> BeneficiaryStep:
    kinds = await queries.list_next(
        session, comparison.id, after_id=comparison.last_beneficiary_id, limit=batch
    )
    parts = await queries.read_months(session, comparison.id, kinds)
    wadahs = await queries.find_wadahs(session, kinds, on=comparison.last_month.last_day)
    balances = await _find_balances(session, kinds, before=comparison.first_month)
    months = rules.months_between(comparison.first_month, comparison.last_month)
    figures = {each.month: each for each in map(MonthFigures.of_stored, comparison.figures)}
    rows: list[dict[str, Any]] = []
    for beneficiary_id, kind in kinds.items():
        before = balances.get(beneficiary_id, Balance())
        found = rules.compare(before, months, parts[beneficiary_id])
        for month, amounts in found.items():
            figures[month] = figures[month].plus(kind, amounts)
        total = sum(found.values(), Amounts())
        rows.append(
            {
                "comparison_id": comparison.id,
                "beneficiary_id": beneficiary_id,
                "beneficiary_kind": kind,
                "wadah_id": wadahs.get(beneficiary_id),
                "brought_parts": before.rest,
                "actual": total.actual,
                "would_be": total.would_be,
                "difference": total.difference,
            }
        )
    return BeneficiaryStep(
        comparison.id,
        comparison.step_no,
        is_last=len(kinds) < batch,
        last_id=rows[-1]["beneficiary_id"] if rows else None,
        beneficiaries=rows,
        figures=[each.as_stored() for each in figures.values()],
    )


async def _find_balances(
    session: AsyncSession, beneficiary_ids: Collection[UUID], *, before: Month
) -> dict[UUID, Balance]:
    """Return where the statements of beneficiaries before a month leave off, of those with any."""
    latest = await statement_queries.list_latest_of(session, beneficiary_ids, before=before)
    return {each.beneficiary_id: statements.due_of(each).after for each in latest}


async def _store_beneficiaries(
    session: AsyncSession, comparison: SchemeComparison, step: BeneficiaryStep
) -> None:
    if step.beneficiaries:
        await queries.insert_beneficiaries(session, step.beneficiaries)
        comparison.last_beneficiary_id = step.last_id
    comparison.figures = step.figures
    if step.is_last:
        comparison.status, comparison.done_at = ComparisonStatus.DONE, clock.now()
