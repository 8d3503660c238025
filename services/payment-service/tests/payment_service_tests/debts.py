"""For tests of debts: take coverage back, and list statements, deductions and balances."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from payment_service_tests.office import Office
from payment_service_tests.village import Village
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements.models import Statement
from payment_service.ledger import service as ledger
from payment_service.payouts.models import Payout, PayoutItem
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
DECEMBER, JANUARY, FEBRUARY = (NOVEMBER.plus(count) for count in (1, 2, 3))
Earn = Callable[..., Awaitable[list[Village]]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


async def take_back(village: Village, earn: Earn, *, count: int, month: Month) -> None:
    """Decline the first payments of a village, and close a month without any other."""
    for payment in list(village.settled)[:count]:
        village.decline(payment)
    await earn(0, villages=[village], month=month)


async def list_amounts(session: AsyncSession, village: Village) -> list[tuple[int, int, int]]:
    """Return amount, set_off, brought_debt of the agent's statements, by month."""
    columns = (Statement.amount, Statement.set_off, Statement.brought_debt)
    chosen = select(*columns).where(Statement.beneficiary_id == village.agent_id)
    return [
        (row[0], row[1], row[2]) for row in await session.execute(chosen.order_by(Statement.month))
    ]


async def list_items(session: AsyncSession, village: Village) -> list[tuple[int, int]]:
    """Return gross and set_off of what is live for the agent, the earliest month first."""
    chosen = select(PayoutItem.gross, PayoutItem.set_off).where(
        PayoutItem.beneficiary_id == village.agent_id, PayoutItem.is_live
    )
    return [(row[0], row[1]) for row in await session.execute(chosen.order_by(PayoutItem.month))]


async def find_owed(session: AsyncSession, village: Village) -> int:
    """Return what the ledger owes the agent, in rupiah."""
    accounts = await ledger.list_accounts(session, cursor=None, limit=200)
    owed = f"incentive_payable:{village.agent_id}"
    return sum(each.balance for each in accounts.items if each.account == owed)


async def list_reasons(session: AsyncSession, run_id: UUID) -> list[str | None]:
    """Return why payouts of a run were withdrawn, each reason once; None: one was not."""
    chosen = select(Payout.withdrawn_reason).where(Payout.run_id == run_id).distinct()
    return list((await session.scalars(chosen)).all())


async def find_left_out(office: Office, run_id: UUID) -> dict[str, int]:
    run = await office.find(run_id)
    assert run.figures is not None
    return {each["reason"]: each["gross"] for each in run.figures["left_out"]}
