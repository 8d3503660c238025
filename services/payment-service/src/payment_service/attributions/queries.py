from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, delete, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions.models import AttributedMember, AttributionPeriod
from perisai_kit.db.bulk import insert_rows_statement

Rows = Sequence[Mapping[str, Any]]


async def is_visible(session: AsyncSession, member_id: UUID, seen: ColumnElement[bool]) -> bool:
    """Tell whether a member whose attribution is known meets a condition."""
    found = exists().where(AttributedMember.member_id == member_id, seen)
    return bool(await session.scalar(select(found)))


async def advance(session: AsyncSession, rows: Rows) -> set[UUID]:
    """Store these numbers where they are higher than those stored; return the members advanced.

    rows: each member once, in the order of the ids; the members are locked until the transaction
    ends.
    """
    new = insert_rows_statement(AttributedMember, rows)
    latest = new.on_conflict_do_update(
        index_elements=[AttributedMember.member_id],
        set_={"attribution_no": new.excluded.attribution_no},
        where=AttributedMember.attribution_no < new.excluded.attribution_no,
    )
    return set((await session.scalars(latest.returning(AttributedMember.member_id))).all())


async def replace_periods(session: AsyncSession, member_ids: set[UUID], rows: Rows) -> None:
    """Store these rows instead of all periods of these members."""
    is_one = AttributionPeriod.member_id == any_(literal(list(member_ids), ARRAY(Uuid())))
    statement = delete(AttributionPeriod).where(is_one)
    await session.execute(statement.execution_options(synchronize_session=False))
    await session.execute(insert_rows_statement(AttributionPeriod, rows))
