from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.tax_identities.models import TaxIdentity
from agent_service.tax_identities.rules import TaxIdentityNotFound, TaxIdentityStatus
from perisai_kit.db.bulk import any_id


async def get_visible(
    session: AsyncSession, tax_identity_id: UUID, seen: ColumnElement[bool], *, lock: bool = False
) -> TaxIdentity:
    """Return a visible tax identity, locked for a change if asked. Raises: TaxIdentityNotFound."""
    chosen = select(TaxIdentity).where(TaxIdentity.id == tax_identity_id, seen)
    if lock:
        chosen = chosen.with_for_update(of=TaxIdentity)
    found = await session.scalar(chosen.execution_options(populate_existing=True))
    if found is None:
        raise TaxIdentityNotFound
    return found


async def list_holding(
    session: AsyncSession, holder_ids: Collection[UUID], *, on: date
) -> Sequence[TaxIdentity]:
    """Return what holds of each of these holders on a day: what began last, decided last."""
    chosen = (
        select(TaxIdentity)
        .ext(distinct_on(TaxIdentity.holder_id))
        .where(
            TaxIdentity.holder_id == any_id(holder_ids),
            TaxIdentity.status == TaxIdentityStatus.APPROVED,
            TaxIdentity.holds_from <= on,
        )
        .order_by(
            TaxIdentity.holder_id,
            TaxIdentity.holds_from.desc(),
            TaxIdentity.decided_at.desc(),
            TaxIdentity.id.desc(),
        )
    )
    return (await session.scalars(chosen)).all()


async def list_page(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    holder_id: UUID | None,
    status: TaxIdentityStatus | None,
    before: UUID | None,
    limit: int,
) -> Sequence[TaxIdentity]:
    """Return tax identities, the latest proposed first."""
    chosen = select(TaxIdentity).where(seen)
    if holder_id is not None:
        chosen = chosen.where(TaxIdentity.holder_id == holder_id)
    if status is not None:
        chosen = chosen.where(TaxIdentity.status == status)
    if before is not None:
        chosen = chosen.where(TaxIdentity.id < before)
    return (await session.scalars(chosen.order_by(TaxIdentity.id.desc()).limit(limit))).all()
