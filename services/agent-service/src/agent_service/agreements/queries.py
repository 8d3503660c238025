from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from agent_service.agreements.models import Agreement

MAX_AGREEMENTS = 100
"""More than a wadah can sign in decades; it bounds what is read at once."""


def has_agreement(wadah_id: InstrumentedAttribute[UUID], on: date) -> ColumnElement[bool]:
    """Return the condition that an agreement of a wadah covers a day: Period.covers in SQL."""
    return exists().where(
        Agreement.wadah_id == wadah_id, Agreement.starts_on <= on, Agreement.ends_on >= on
    )


async def list_agreements(session: AsyncSession, wadah_id: UUID) -> Sequence[Agreement]:
    """Return the agreements that end last, the latest first."""
    chosen = select(Agreement).where(Agreement.wadah_id == wadah_id)
    latest = chosen.order_by(Agreement.ends_on.desc(), Agreement.id.desc()).limit(MAX_AGREEMENTS)
    return (await session.scalars(latest)).all()
