from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Date, DateTime, Text, Uuid, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage.models import CoverageMonth
from member_service.coverage.rules import PaidMonth
from member_service.members.rules import MANDATORY
from perisai_kit.domain.month import Month


class Line(NamedTuple):
    """One month of one programme that a payment pays."""

    member_id: UUID
    month: str
    programme: str
    payment_id: UUID
    paid_on: date


_INSERT = text(
    """
    INSERT INTO coverage_months (member_id, month, programme, payment_id, paid_on, recorded_at)
    SELECT DISTINCT ON (member_id, month, programme)
           member_id, month, programme, payment_id, paid_on, :recorded_at
    FROM unnest(:member_ids, :months, :programmes, :payment_ids, :paid_ons) WITH ORDINALITY
         AS new (member_id, month, programme, payment_id, paid_on, place)
    ORDER BY member_id, month, programme, place
    ON CONFLICT DO NOTHING
    RETURNING member_id, month, payment_id
    """
).bindparams(
    bindparam("member_ids", type_=ARRAY(Uuid())),
    bindparam("months", type_=ARRAY(Text())),
    bindparam("programmes", type_=ARRAY(Text())),
    bindparam("payment_ids", type_=ARRAY(Uuid())),
    bindparam("paid_ons", type_=ARRAY(Date())),
    bindparam("recorded_at", type_=DateTime(timezone=True)),
)


async def insert_once_months(
    session: AsyncSession, lines: Sequence[Line], *, recorded_at: datetime
) -> set[tuple[UUID, UUID, Month]]:
    """Insert what is not paid yet; return payment, member and month of what is new.

    One statement however many they are; of the same month twice in it, the first one.
    """
    result = await session.execute(
        _INSERT,
        {
            "member_ids": [line.member_id for line in lines],
            "months": [line.month for line in lines],
            "programmes": [line.programme for line in lines],
            "payment_ids": [line.payment_id for line in lines],
            "paid_ons": [line.paid_on for line in lines],
            "recorded_at": recorded_at,
        },
    )
    return {(row.payment_id, row.member_id, Month.parse(row.month)) for row in result}


async def list_paid_months(
    session: AsyncSession, member_ids: Iterable[UUID]
) -> dict[UUID, list[PaidMonth]]:
    """Return each member's months of which JKK and JKM are both paid, by member id.

    A member has at most one row a month of a working life.
    """
    query = (
        select(
            CoverageMonth.member_id,
            CoverageMonth.month,
            func.max(CoverageMonth.paid_on).label("paid_on"),
        )
        .where(
            CoverageMonth.member_id.in_(list(member_ids)),
            CoverageMonth.programme.in_(MANDATORY),
        )
        .group_by(CoverageMonth.member_id, CoverageMonth.month)
        .having(func.count() == len(MANDATORY))
    )
    found: dict[UUID, list[PaidMonth]] = {}
    for row in await session.execute(query):
        found.setdefault(row.member_id, []).append(PaidMonth(row.month, row.paid_on))
    return found


async def list_months(
    session: AsyncSession, member_id: UUID, *, limit: int
) -> Sequence[CoverageMonth]:
    """Return a member's paid programmes by month, the newest first."""
    query = select(CoverageMonth).where(CoverageMonth.member_id == member_id)
    newest_first = query.order_by(CoverageMonth.month.desc(), CoverageMonth.programme)
    return (await session.scalars(newest_first.limit(limit))).all()
