from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.virtual_accounts.models import SERIALS, VirtualAccount
from perisai_kit.db.bulk import any_id


async def next_serial(session: AsyncSession) -> int:
    """Return a number no order has had."""
    return (await session.execute(select(SERIALS.next_value()))).scalar_one()


async def insert_accounts(session: AsyncSession, accounts: Sequence[VirtualAccount]) -> None:
    session.add_all(accounts)
    await session.flush()


async def list_accounts(session: AsyncSession, order_id: UUID) -> Sequence[VirtualAccount]:
    """Return where an order can be paid, by the name of the bank."""
    return await list_of_orders(session, [order_id])


async def list_of_orders(
    session: AsyncSession, order_ids: Collection[UUID]
) -> Sequence[VirtualAccount]:
    """Return where orders can be paid, by the name of the bank."""
    statement = (
        select(VirtualAccount)
        .where(VirtualAccount.order_id == any_id(order_ids))
        .order_by(VirtualAccount.partner_name, VirtualAccount.partner_id)
    )
    return (await session.scalars(statement)).all()
