from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.banks.rules import BankPartnerNotFound, PartnerStatus

MAX_PARTNERS = 500
"""More banks than there are in Indonesia; it bounds what is read at once."""


async def get_partner(session: AsyncSession, partner_id: UUID) -> BankPartner:
    partner = await session.get(BankPartner, partner_id)
    if partner is None:
        raise BankPartnerNotFound
    return partner


async def lock_partner(session: AsyncSession, partner_id: UUID) -> BankPartner:
    partner = await session.get(BankPartner, partner_id, with_for_update=True)
    if partner is None:
        raise BankPartnerNotFound
    return partner


async def list_by_status(session: AsyncSession, *statuses: PartnerStatus) -> Sequence[BankPartner]:
    """Return the partners in these states, first made first."""
    chosen = select(BankPartner).where(BankPartner.status.in_(statuses))
    rows = await session.scalars(chosen.order_by(BankPartner.id).limit(MAX_PARTNERS))
    return rows.all()


async def list_codes(session: AsyncSession) -> Sequence[Row[UUID, str, str]]:
    """Return id, bank code and company code of each partner."""
    chosen = select(BankPartner.id, BankPartner.bank_code, BankPartner.company_code)
    return (await session.execute(chosen.limit(MAX_PARTNERS))).all()


async def list_page(
    session: AsyncSession, *, after_id: UUID | None, limit: int
) -> Sequence[BankPartner]:
    chosen = select(BankPartner).order_by(BankPartner.id).limit(limit)
    if after_id is not None:
        chosen = chosen.where(BankPartner.id > after_id)
    return (await session.scalars(chosen)).all()


async def list_names(session: AsyncSession) -> dict[UUID, str]:
    """Return the name of each partner, by id."""
    rows = await session.execute(select(BankPartner.id, BankPartner.name))
    return {row.id: row.name for row in rows}


async def has_company_code(session: AsyncSession, bank_code: str, company_code: str) -> bool:
    """Tell whether a partner has this company code of this bank."""
    known = exists().where(
        BankPartner.bank_code == bank_code, BankPartner.company_code == company_code
    )
    return bool(await session.scalar(select(known)))
