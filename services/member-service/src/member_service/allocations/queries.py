from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations.models import AllocationReversal, AllocationRow
from member_service.allocations.rules import NumberedAnswer
from member_service.attribution_periods.rules import Place
from perisai_kit.db.bulk import any_id
from perisai_kit.db.sql import SqlStatement, execute
from perisai_kit.events.catalogue import PaymentSettled

# Arrays of arrays would need one length, so the lists of a row are sent as text.
_INSERT_ONCE = """
    INSERT INTO allocations (
        id, payment_id, bill_id, member_id, issued_at, counts_at, received_at, months, programmes,
        paying_account, answer_no, withdrawn, is_acquisition
    )
    SELECT id, payment_id, bill_id, member_id, issued_at, counts_at, received_at,
           string_to_array(months, ','), string_to_array(programmes, ','), paying_account,
           0, '{}', false
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[],
        $7::timestamptz[], $8::text[], $9::text[], $10::text[]
    ) AS new (
        id, payment_id, bill_id, member_id, issued_at, counts_at, received_at, months, programmes,
        paying_account
    )
    ON CONFLICT DO NOTHING
    RETURNING member_id
"""
_UPDATE_ANSWERS = """
    UPDATE allocations SET
        answer_no = new.answer_no, declined = new.declined,
        withdrawn = string_to_array(new.withdrawn, ','), first_month = new.first_month,
        agent_id = new.agent_id, wadah_id = new.wadah_id, branch_code = new.branch_code,
        region_code = new.region_code, is_acquisition = new.is_acquisition
    FROM unnest(
        $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
        $8::text[], $9::text[], $10::boolean[]
    ) AS new (
        id, answer_no, declined, withdrawn, first_month, agent_id, wadah_id, branch_code,
        region_code, is_acquisition
    )
    WHERE allocations.id = new.id
    RETURNING allocations.id
"""


async def insert_once_allocations(
    session: AsyncSession, settled: Sequence[PaymentSettled]
) -> frozenset[UUID]:
    """Insert the new allocations, which may be none; return their members."""
    if not settled:
        return frozenset()
    rows = [
        (
            each.allocation_id,
            each.payment_id,
            each.bill_id,
            each.member_id,
            each.issued_at,
            each.counts_at,
            each.received_at,
            ",".join(str(line.month) for line in each.lines),
            ",".join(line.programme for line in each.lines),
            each.paying_account,
        )
        for each in settled
    ]
    new = await execute(session, SqlStatement(_INSERT_ONCE, _by_column(rows)))
    return frozenset(member_id for (member_id,) in new)


async def insert_once_reversals(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> frozenset[UUID]:
    """Insert the new reversals, which may be none; return their members."""
    if not rows:
        return frozenset()
    once = insert(AllocationReversal).on_conflict_do_nothing()
    statement = once.returning(AllocationReversal.member_id)
    return frozenset((await session.execute(statement, list(rows))).scalars())


async def update_answers(session: AsyncSession, answers: Sequence[NumberedAnswer]) -> None:
    """Store answers to allocations of locked members; the session's objects do not change."""
    rows = [
        (
            each.allocation_id,
            each.answer_no,
            each.answer.declined,
            ",".join(map(str, each.answer.withdrawn)),
            each.answer.first_month and str(each.answer.first_month),
            *_split_place(each.answer.place),
            each.answer.is_acquisition,
        )
        for each in answers
    ]
    stored = await execute(session, SqlStatement(_UPDATE_ANSWERS, _by_column(rows)))
    assert len(stored) == len(rows), "every answer has its allocation"


def _split_place(place: Place | None) -> tuple[UUID | None, UUID | None, str | None, str | None]:
    if place is None:
        return (None, None, None, None)
    return (place.agent_id, place.wadah_id, place.branch_code, place.region_code)


def _by_column(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def list_allocations(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[AllocationRow]]:
    """Return each member's allocations by member id, reversed ones too.

    A member has at most one for each month of a working life. Objects that the session has already
    are read again, because answers are stored without them.
    """
    query = select(AllocationRow).where(AllocationRow.member_id == any_id(member_ids))
    query = query.execution_options(populate_existing=True)
    found: dict[UUID, list[AllocationRow]] = {member_id: [] for member_id in member_ids}
    for row in await session.scalars(query):
        found[row.member_id].append(row)
    return found


async def list_paid_bills(session: AsyncSession, member_ids: Collection[UUID]) -> frozenset[UUID]:
    query = select(AllocationRow.bill_id).where(AllocationRow.member_id == any_id(member_ids))
    return frozenset(await session.scalars(query))


async def list_reversals(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """Return when allocations of these members were reversed, by allocation id; most never are."""
    query = select(AllocationReversal.id, AllocationReversal.reversed_at).where(
        AllocationReversal.member_id == any_id(member_ids)
    )
    return {row.id: row.reversed_at for row in await session.execute(query)}
