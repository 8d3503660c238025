"""Money is never asked back: what is taken back after a payout is deducted from later ones."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from payment_service_tests.office import Office, pay, pay_out
from payment_service_tests.village import Village
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements.models import Statement
from payment_service.ledger import service as ledger
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payouts.models import Payout
from perisai_kit.domain.month import Month

NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)


async def test_what_is_taken_back_after_its_payout_is_deducted_from_the_next_ones(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    village: Village,
    run_id: UUID,
    earn: Callable[..., Awaitable[list[Village]]],
    faults: Callable[[AsyncSession], Awaitable[list[str]]],
) -> None:
    await pay(session, run_id)
    for payment in list(village.settled):
        village.decline(payment)
    await earn(1, villages=[village], month=DECEMBER)
    await earn(3, villages=[village], month=JANUARY)

    await pay_out(session, office, account, JANUARY)

    stated = select(Statement).where(Statement.beneficiary_id == village.agent_id)
    rows = (await session.scalars(stated.order_by(Statement.month))).all()
    assert [(each.amount, each.brought_debt) for each in rows] == [
        (16_560, 0),
        (5_520 - 16_560, 0),
        (16_560, 11_040),
    ]
    paid = select(Payout).where(Payout.payee_id == village.agent_id).order_by(Payout.id)
    payouts = (await session.scalars(paid.execution_options(populate_existing=True))).all()
    assert [(each.gross, each.status) for each in payouts] == [(16_560, "paid"), (5_520, "paid")]
    accounts = await ledger.list_accounts(session, cursor=None, limit=200)
    owed = f"incentive_payable:{village.agent_id}"
    assert [each.balance for each in accounts.items if each.account == owed] == [0]
    assert await faults(session) == []
