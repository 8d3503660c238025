from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions.models import AttributedMember, AttributionPeriod
from perisai_kit.db.bulk import insert_rows_statement
from perisai_kit.db.sql import SqlStatement, execute

Rows = Sequence[Mapping[str, Any]]

_BEGINS = "unnest($1::uuid[], $2::date[]) AS begins (member_id, from_date)"
_FORGET = f"""
    DELETE FROM attribution_periods AS period USING {_BEGINS}
    WHERE period.member_id = begins.member_id AND period.from_date >= begins.from_date
    RETURNING period.member_id
"""  # noqa: S608 - our own names
_END = f"""
    UPDATE attribution_periods AS period SET until_date = begins.from_date, recorded_at = now()
    FROM {_BEGINS}
    WHERE period.member_id = begins.member_id AND period.until_date > begins.from_date
    RETURNING period.member_id
"""  # noqa: S608 - our own names


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


async def replace_periods(session: AsyncSession, begins: Mapping[UUID, date], rows: Rows) -> None:
    """Store these rows instead of the periods from a day on; earlier ones end by then.

    begins: the first day of the new periods, by member.
    """
    columns = (list(begins), list(begins.values()))
    await execute(session, SqlStatement(_FORGET, columns))
    await execute(session, SqlStatement(_END, columns))
    await session.execute(insert_rows_statement(AttributionPeriod, rows))
