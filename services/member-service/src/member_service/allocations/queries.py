from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations.models import AllocationReversal, AllocationRow
from member_service.allocations.rules import Answer, KnownAllocation, NumberedAnswer
from member_service.attribution_periods.rules import Place
from perisai_kit.db.bulk import any_id
from perisai_kit.db.sql import SqlStatement, execute

# Arrays of arrays would need one length, so the lists of a row are sent as text.
_INSERT = """
    INSERT INTO allocations (
        id, answer_no, declined, withdrawn, first_month, agent_id, wadah_id, branch_code,
        region_code, is_acquisition, payment_id, bill_id, member_id, issued_at, counts_at,
        received_at, months, programmes, paying_account
    )
    SELECT id, answer_no, declined, string_to_array(withdrawn, ','), first_month, agent_id,
           wadah_id, branch_code, region_code, is_acquisition, payment_id, bill_id, member_id,
           issued_at, counts_at, received_at, string_to_array(months, ','),
           string_to_array(programmes, ','), paying_account
    FROM unnest(
        $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
        $8::text[], $9::text[], $10::boolean[], $11::uuid[], $12::uuid[], $13::uuid[],
        $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::text[], $18::text[],
        $19::text[]
    ) AS new (
        id, answer_no, declined, withdrawn, first_month, agent_id, wadah_id, branch_code,
        region_code, is_acquisition, payment_id, bill_id, member_id, issued_at, counts_at,
        received_at, months, programmes, paying_account
    )
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


async def insert_allocations(session: AsyncSession, answers: Sequence[NumberedAnswer]) -> None:
    """Insert the allocations of these answers with them, at least one."""
    rows = [(*_list_answer(each), *_list_facts(each.allocation)) for each in answers]
    await execute(session, SqlStatement(_INSERT, _by_column(rows)))


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
    """Store answers to allocations of locked members, at least one."""
    rows = [_list_answer(each) for each in answers]
    stored = await execute(session, SqlStatement(_UPDATE_ANSWERS, _by_column(rows)))
    assert len(stored) == len(rows), "every answer has its allocation"


def _list_answer(numbered: NumberedAnswer) -> tuple[object, ...]:
    answer = numbered.answer
    return (
        numbered.allocation.id,
        numbered.answer_no,
        answer.declined,
        ",".join(map(str, answer.withdrawn)),
        answer.first_month and str(answer.first_month),
        *_split_place(answer.place),
        answer.is_acquisition,
    )


def _list_facts(allocation: KnownAllocation) -> tuple[object, ...]:
    return (
        allocation.payment_id,
        allocation.bill_id,
        allocation.member_id,
        allocation.issued_at,
        allocation.counts_at,
        allocation.received_at,
        ",".join(map(str, allocation.months)),
        ",".join(allocation.programmes),
        allocation.paying_account,
    )


def _split_place(place: Place | None) -> tuple[UUID | None, UUID | None, str | None, str | None]:
    if place is None:
        return (None, None, None, None)
    return (place.agent_id, place.wadah_id, place.branch_code, place.region_code)


def _by_column(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def list_allocations(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[KnownAllocation]]:
    """Return each member's allocations by member id, reversed ones too.

    A member has at most one for each month of a working life.
    """
    row = AllocationRow
    of_payment = (row.id, row.payment_id, row.bill_id, row.member_id, row.issued_at, row.counts_at)
    of_bill = (row.received_at, row.months, row.programmes, row.paying_account)
    answer = (row.answer_no, row.declined, row.withdrawn, row.first_month, row.is_acquisition)
    place = (row.agent_id, row.wadah_id, row.branch_code, row.region_code)
    query: Any = select(*of_payment, *of_bill, *answer, *place)
    found: dict[UUID, list[KnownAllocation]] = {member_id: [] for member_id in member_ids}
    for each in await session.execute(query.where(row.member_id == any_id(member_ids))):
        declined, withdrawn, first_month, is_acquisition, agent_id, wadah_id, *offices = each[11:]
        given = Answer(
            declined=declined,
            withdrawn=tuple(withdrawn),
            first_month=first_month,
            place=Place(agent_id, wadah_id, *offices) if all(offices) else None,
            is_acquisition=is_acquisition,
        )
        known = (*each[:11], given)
        found[each.member_id].append(KnownAllocation(*known))
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
