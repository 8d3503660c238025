from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.registrations.models import RegistrationRow
from member_service.registrations.rules import LAPSE_ANNOUNCED_AFTER, EndReason
from perisai_kit.db.bulk import any_id, insert_rows_statement


async def list_rows(
    session: AsyncSession, member_ids: Collection[UUID]
) -> Sequence[RegistrationRow]:
    """Return all rows of these members, superseded ones too: they may count again."""
    query = select(RegistrationRow).where(RegistrationRow.member_id == any_id(member_ids))
    return (await session.scalars(query.order_by(RegistrationRow.began_at))).all()


async def insert_rows(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Insert new registrations, at least one."""
    await session.execute(insert_rows_statement(RegistrationRow, rows))


def _unannounced(on: date) -> ColumnElement[bool]:
    """Return the condition that an end is certain on a day and not announced yet."""
    return and_(
        RegistrationRow.announced_at.is_(None),
        RegistrationRow.superseded_at.is_(None),
        or_(
            RegistrationRow.ends_on <= on - LAPSE_ANNOUNCED_AFTER,
            and_(RegistrationRow.end_reason != EndReason.LAPSED, RegistrationRow.ends_on <= on),
        ),
    )


async def list_members_to_announce(
    session: AsyncSession, *, on: date, limit: int
) -> frozenset[UUID]:
    """Return the members with an end to announce on a day, from at most `limit` registrations."""
    query = select(RegistrationRow.member_id).where(_unannounced(on))
    ordered = query.order_by(RegistrationRow.ends_on, RegistrationRow.id).limit(limit)
    return frozenset((await session.scalars(ordered)).all())


async def list_unannounced(
    session: AsyncSession, member_ids: Collection[UUID], *, on: date
) -> Sequence[RegistrationRow]:
    """Return the registrations of these members whose end is to be announced on a day."""
    query = select(RegistrationRow).where(
        RegistrationRow.member_id == any_id(member_ids), _unannounced(on)
    )
    return (await session.scalars(query.order_by(RegistrationRow.id))).all()
