from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BigInteger, Date, and_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.collections.rules import Collected, Sum
from payment_service.days import Days
from payment_service.payments.models import Payment

_BUSINESS_ON = cast(func.timezone("Asia/Jakarta", Payment.paid_at), Date)


async def list_collected(
    session: AsyncSession, days: Days, *, partner_id: UUID | None
) -> Sequence[Collected]:
    """Return what each bank collected on each day, by day and bank, from the index alone."""
    in_days = and_(
        Payment.partner_id == BankPartner.id,
        Payment.paid_at >= days.begin,
        Payment.paid_at < days.end,
    )
    statement = (
        select(
            _BUSINESS_ON,
            BankPartner.id,
            BankPartner.name,
            func.count(),
            cast(func.sum(Payment.amount), BigInteger),
        )
        .join(Payment, in_days)
        .group_by(_BUSINESS_ON, BankPartner.id, BankPartner.name)
        .order_by(_BUSINESS_ON, BankPartner.name, BankPartner.id)
    )
    if partner_id is not None:
        statement = statement.where(BankPartner.id == partner_id)
    return [
        Collected(day, id_, name, Sum(count, amount))
        for day, id_, name, count, amount in await session.execute(statement)
    ]
