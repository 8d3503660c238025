from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import SchemeNotFound, SchemeStatus
from perisai_kit.domain.month import Month

MAX_SCHEMES = 500
"""More approved schemes than months of forty years; it bounds what is read at once."""


async def insert_scheme(session: AsyncSession, scheme: Scheme) -> None:
    session.add(scheme)
    await session.flush()


async def get_scheme(session: AsyncSession, scheme_id: UUID) -> Scheme:
    scheme = await session.get(Scheme, scheme_id)
    if scheme is None:
        raise SchemeNotFound
    return scheme


async def lock_scheme(session: AsyncSession, scheme_id: UUID) -> Scheme:
    scheme = await session.get(Scheme, scheme_id, with_for_update=True)
    if scheme is None:
        raise SchemeNotFound
    return scheme


async def find_approved(session: AsyncSession, first_month: Month) -> Scheme | None:
    statement = select(Scheme).where(
        Scheme.first_month == first_month, Scheme.status == SchemeStatus.APPROVED
    )
    return (await session.scalars(statement)).one_or_none()


async def list_approved(session: AsyncSession) -> Sequence[Scheme]:
    """Return the approved schemes, the latest begun first."""
    statement = select(Scheme).where(Scheme.status == SchemeStatus.APPROVED)
    ordered = statement.order_by(Scheme.first_month.desc()).limit(MAX_SCHEMES)
    return (await session.scalars(ordered)).all()


async def list_page(
    session: AsyncSession, *, before_id: UUID | None, limit: int
) -> Sequence[Scheme]:
    """Return schemes, the latest proposed first."""
    statement = select(Scheme).order_by(Scheme.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(Scheme.id < before_id)
    return (await session.scalars(statement)).all()
