from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting import service as counting
from payment_service.counting.rules import BeneficiaryKind
from payment_service.scheme_comparisons.models import (
    ComparedBeneficiary,
    ComparedMonth,
    SchemeComparison,
)
from payment_service.scheme_comparisons.rules import (
    KEPT,
    ComparisonSort,
    ComparisonStatus,
    Parts,
)
from perisai_kit.db.bulk import OldRows, any_id, insert_rows_statement
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of
from perisai_kit.domain.month import Month

Rows = Sequence[Mapping[str, Any]]
_IS_OPEN = SchemeComparison.status != ComparisonStatus.DONE


async def insert_comparison(session: AsyncSession, comparison: SchemeComparison) -> None:
    session.add(comparison)
    await session.flush()


async def count_open(session: AsyncSession) -> int:
    """Count the comparisons that are not done."""
    counted = select(func.count()).select_from(SchemeComparison).where(_IS_OPEN, _is_kept())
    return int(await session.scalar(counted) or 0)


async def find_open(session: AsyncSession) -> SchemeComparison | None:
    """Return the next comparison to work on: the oldest of those that failed least."""
    statement = (
        select(SchemeComparison)
        .where(_IS_OPEN, _is_kept())
        .order_by(SchemeComparison.failure_count, SchemeComparison.id)
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def lock_comparison(session: AsyncSession, comparison_id: UUID) -> SchemeComparison | None:
    statement = select(SchemeComparison).where(SchemeComparison.id == comparison_id)
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(locked)).one_or_none()


async def find_comparison(session: AsyncSession, comparison_id: UUID) -> SchemeComparison | None:
    statement = select(SchemeComparison).where(SchemeComparison.id == comparison_id, _is_kept())
    return (await session.scalars(statement)).one_or_none()


async def list_comparisons(
    session: AsyncSession, *, before_id: UUID | None, limit: int
) -> Sequence[SchemeComparison]:
    """Return comparisons, the latest first."""
    statement = select(SchemeComparison).where(_is_kept())
    if before_id is not None:
        statement = statement.where(SchemeComparison.id < before_id)
    ordered = statement.order_by(SchemeComparison.id.desc()).limit(limit)
    return (await session.scalars(ordered)).all()


async def add_months(session: AsyncSession, rows: Rows) -> None:
    """Add to what beneficiaries earned and would earn in months."""
    new = insert_rows_statement(ComparedMonth, rows)
    added = ("actual_parts", "would_be_parts")
    moved = {name: getattr(ComparedMonth, name) + new.excluded[name] for name in added}
    key = [ComparedMonth.comparison_id, ComparedMonth.beneficiary_id, ComparedMonth.month]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


async def list_next(
    session: AsyncSession, comparison_id: UUID, *, after_id: UUID | None, limit: int
) -> dict[UUID, BeneficiaryKind]:
    """Return the next beneficiaries of a comparison, by id."""
    month = ComparedMonth
    conditions = [month.comparison_id == comparison_id]
    if after_id is not None:
        conditions.append(month.beneficiary_id > after_id)
    statement = (
        select(month.beneficiary_id, month.beneficiary_kind)
        .where(*conditions)
        .distinct()
        .order_by(month.beneficiary_id)
        .limit(limit)
    )
    rows = await session.execute(statement)
    return {row.beneficiary_id: row.beneficiary_kind for row in rows}


async def read_months(
    session: AsyncSession, comparison_id: UUID, beneficiary_ids: Collection[UUID]
) -> dict[UUID, dict[Month, Parts]]:
    """Return what these beneficiaries earned and would earn, by month."""
    month = ComparedMonth
    statement = select(
        month.beneficiary_id, month.month, month.actual_parts, month.would_be_parts
    ).where(month.comparison_id == comparison_id, month.beneficiary_id == any_id(beneficiary_ids))
    found: dict[UUID, dict[Month, Parts]] = defaultdict(dict)
    for beneficiary_id, of, *parts in await session.execute(statement):
        found[beneficiary_id][of] = Parts(*parts)
    return found


async def find_wadahs(
    session: AsyncSession, beneficiary_ids: Collection[UUID], *, on: date
) -> dict[UUID, UUID]:
    """Return the wadah of each of these beneficiaries on a day."""
    who = counting.beneficiaries(on).subquery("who")
    statement = select(who.c.beneficiary_id, who.c.wadah_id).where(
        who.c.beneficiary_id == any_id(beneficiary_ids)
    )
    rows = await session.execute(statement)
    return {row.beneficiary_id: row.wadah_id for row in rows}


async def insert_beneficiaries(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(ComparedBeneficiary, rows))


async def list_beneficiaries(
    session: AsyncSession,
    comparison_id: UUID,
    kind: BeneficiaryKind,
    *,
    wadah_id: UUID | None,
    sort: ComparisonSort,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[ComparedBeneficiary]:
    """Return the next beneficiaries of a comparison by what they would get more, or less."""
    row = ComparedBeneficiary
    key = tuple_(row.difference, row.beneficiary_id)
    conditions: list[ColumnElement[bool]] = [
        row.comparison_id == comparison_id,
        row.beneficiary_kind == kind,
    ]
    if wadah_id is not None:
        conditions.append(row.wadah_id == wadah_id)
    is_descending = sort is ComparisonSort.GAIN
    if after is not None:
        seen = tuple_(*after)
        conditions.append(key < seen if is_descending else key > seen)
    columns = (row.difference, row.beneficiary_id)
    order = [each.desc() if is_descending else each.asc() for each in columns]
    statement = select(row).where(*conditions).order_by(*order).limit(limit)
    return (await session.scalars(statement)).all()


def list_old() -> list[OldRows]:
    """Return what is kept no longer, in the order in which it is deleted."""
    before = lowest_id_of(clock.real_now() - KEPT)
    columns = (
        ComparedMonth.comparison_id,
        ComparedBeneficiary.comparison_id,
        SchemeComparison.id,
    )
    return [OldRows(each, before) for each in columns]


def _is_kept() -> ColumnElement[bool]:
    # Ids are made by the real clock.
    return SchemeComparison.id >= lowest_id_of(clock.real_now() - KEPT)
