from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import NewAllocation
from payment_service.answers.models import CoverageAnswer
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.db.sql import CountedStatement, SqlStatement

_INSERT = """
    INSERT INTO allocations (
        payment_id, id, kind, bill_id, member_id, amount, counts_at, reason, allocated_at
    )
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[],
        $7::timestamptz[], $8::text[], $9::timestamptz[]
    )
    RETURNING id
"""
# From the lines as the database has them: sending their texts costs more than making them there.
_RECEIVED = """
    SELECT cause_id, partner_id AS debit_part, programme || ':' || month AS credit_part, amount,
           business_on
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[])
        AS settled (cause_id, partner_id, bill_id, business_on)
    JOIN bill_lines USING (bill_id)
"""
_WITHDRAWN = """
    SELECT cause_id, programme || ':' || month AS debit_part, partner_id AS credit_part, amount,
           business_on
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[])
        AS withdrawn (cause_id, partner_id, bill_id, business_on)
    JOIN bill_lines USING (bill_id)
"""
_SUSPENDED = """
    SELECT cause_id, partner_id AS debit_part, partner_id AS credit_part, amount, business_on
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::date[])
        AS suspended (cause_id, partner_id, amount, business_on)
"""


def insert_statement(new: Sequence[NewAllocation]) -> CountedStatement:
    """Return the statement that inserts one allocation or more."""
    columns = zip(*(_make_row(each) for each in new), strict=True)
    return CountedStatement(_INSERT, list(columns), count=len(new))


def _make_row(new: NewAllocation) -> tuple[Any, ...]:
    share = new.share
    return (
        new.payment_id,
        new.id,
        new.kind,
        share.bill.id if share.bill else None,
        share.bill.member_id if share.bill else None,
        share.amount,
        new.counts_at,
        share.reason,
        new.allocated_at,
    )


def received_statement(new: Sequence[NewAllocation]) -> CountedStatement:
    """Return the amounts that allocations to bills move: one a programme and month."""
    bills = [bill for each in new if (bill := each.settled_bill)]
    columns = (
        [each.id for each in new],
        [each.partner_id for each in new],
        [bill.id for bill in bills],
        [each.business_on for each in new],
    )
    return CountedStatement(_RECEIVED, columns, count=sum(len(bill.lines) for bill in bills))


def suspended_statement(new: Sequence[NewAllocation]) -> CountedStatement:
    """Return the amounts that are kept in suspense."""
    columns = (
        [each.id for each in new],
        [each.partner_id for each in new],
        [each.share.amount for each in new],
        [each.business_on for each in new],
    )
    return CountedStatement(_SUSPENDED, columns, count=len(new))


def is_standing() -> ColumnElement[bool]:
    """Return whether an allocation adds to a bill or to suspense, and was not taken back."""
    opposite = aliased(Allocation)
    taken_back = exists().where(opposite.reverses == Allocation.id)
    return (Allocation.amount > 0) & ~taken_back


async def list_of_payments(
    session: AsyncSession, payment_ids: Collection[UUID], visible: ColumnElement[bool]
) -> Sequence[tuple[Allocation, CoverageAnswer | None]]:
    """Return the allocations of payments with their answers, in the order they were made."""
    statement = (
        select(Allocation, CoverageAnswer)
        .outerjoin(CoverageAnswer, CoverageAnswer.allocation_id == Allocation.id)
        .where(Allocation.payment_id == any_id(payment_ids), visible)
        .order_by(Allocation.payment_id, Allocation.id)
    )
    return [(allocation, answer) for allocation, answer in await session.execute(statement)]


async def insert_allocations(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Insert allocations; all rows have the same columns."""
    await session.execute(insert_rows_statement(Allocation, rows))


def withdrawn_statement(
    withdrawn: Sequence[tuple[UUID, UUID, UUID]], *, business_on: date
) -> SqlStatement:
    """Return the amounts that leave contribution months for suspense: one a programme and month.

    withdrawn: the allocation that takes another back, its bank partner and its bill.
    """
    causes, partner_ids, bill_ids = zip(*withdrawn, strict=True)
    days = [business_on] * len(withdrawn)
    return SqlStatement(_WITHDRAWN, (list(causes), list(partner_ids), list(bill_ids), days))
