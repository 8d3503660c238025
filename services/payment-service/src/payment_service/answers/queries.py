from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from payment_service.answers.models import CoverageAnswer
from perisai_kit.db.bulk import insert_rows_statement
from perisai_kit.domain.month import Month


async def upsert_answers(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> list[UUID]:
    """Store answers where none with the same or a higher number is; return their allocations."""
    new = insert_rows_statement(CoverageAnswer, rows)
    fixed = ("allocation_id", "payment_id", "bill_id", "member_id")
    changed = {name: new.excluded[name] for name in rows[0] if name not in fixed}
    stored = new.on_conflict_do_update(
        index_elements=[CoverageAnswer.allocation_id],
        set_=changed,
        where=CoverageAnswer.answer_no < new.excluded.answer_no,
    )
    return list(await session.scalars(stored.returning(CoverageAnswer.allocation_id)))


def counts(month: InstrumentedAttribute[Month]) -> ColumnElement[bool]:
    """Return whether a paid month counts, where an allocation is joined with its answer, if any.

    A month counts until the answer says otherwise.
    """
    return or_(
        CoverageAnswer.allocation_id.is_(None), CoverageAnswer.months.has_key(cast(month, Text))
    )
