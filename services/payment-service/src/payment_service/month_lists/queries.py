from collections.abc import Collection
from datetime import datetime

from sqlalchemy import BigInteger, DateTime, cast, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds import queries as holds
from payment_service.incentive_statements import queries as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.queries import PAYABLE
from payment_service.month_lists.models import UnpaidMonth
from payment_service.months.models import ClosedMonth
from payment_service.payouts import queries as payouts
from perisai_kit.domain.month import Month


async def measure(session: AsyncSession, *, at: datetime) -> None:
    """Store what is unpaid of each closed month, less the debts that a payout would deduct.

    Looks at each statement once, so it is for the worker.
    """
    # A payout under way deducts debts that are no longer among `debts`.
    payable = PAYABLE - payouts.live_set_off(Statement.id)
    so_far = func.sum(payable).over(partition_by=Statement.beneficiary_id, order_by=Statement.month)
    each = (
        select(Statement.month, Statement.beneficiary_id, payable.label("payable"))
        .add_columns(so_far.label("so_far"))
        .where(
            Statement.amount > Statement.brought_debt,
            holds.is_free(Statement.id),
            ~payouts.is_paid(Statement.id),
        )
        .subquery("each")
    )
    debts = statements.debts().subquery("debts")
    # Of the earliest first, as payouts do.
    left = func.least(each.c.payable, each.c.so_far - func.coalesce(debts.c.debt, 0))
    owed = (
        select(each.c.month, left.label("amount"))
        .outerjoin(debts, debts.c.beneficiary_id == each.c.beneficiary_id)
        .subquery("owed")
    )
    unpaid = (
        select(owed.c.month, func.count().label("count"), func.sum(owed.c.amount).label("amount"))
        .where(owed.c.amount > 0)
        .group_by(owed.c.month)
        .subquery("unpaid")
    )
    rows = select(
        ClosedMonth.month,
        func.coalesce(unpaid.c.count, 0),
        cast(func.coalesce(unpaid.c.amount, 0), BigInteger),
        literal(at, DateTime(timezone=True)),
    ).outerjoin(unpaid, unpaid.c.month == ClosedMonth.month)
    columns = ["month", "unpaid_count", "unpaid_amount", "measured_at"]
    new = insert(UnpaidMonth).from_select(columns, rows)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["month"],
            set_={name: new.excluded[name] for name in columns[1:]},
        )
    )


async def list_unpaid(session: AsyncSession) -> list[UnpaidMonth]:
    """Return the months of which something is unpaid, the earliest first."""
    chosen = select(UnpaidMonth).where(UnpaidMonth.unpaid_count > 0).order_by(UnpaidMonth.month)
    return list(await session.scalars(chosen))


async def find_measured(
    session: AsyncSession, months: Collection[Month]
) -> dict[Month, UnpaidMonth]:
    """Return what was measured of these months."""
    chosen = select(UnpaidMonth).where(UnpaidMonth.month.in_(months))
    return {each.month: each for each in await session.scalars(chosen)}
