"""Random histories of incentives that are held, forfeited, taken back, paid and returned.

After every act the books hold; once all is decided and paid, the ledger owes what the oracle says.
"""

import random
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from payment_service_tests.month_closing import find_book_faults
from payment_service_tests.office import Office, PayeeBook
from payment_service_tests.payouts.histories import Close, History, Tell
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds.models import HeldStatement, IncentiveHold
from payment_service.incentive_holds.rules import HoldStatus
from payment_service.incentive_statements import queries as statements
from payment_service.incentive_statements.service import list_payable
from payment_service.payout_accounts.models import PayoutAccount
from perisai_kit.domain.month import Month

ACTS = 25
SEEDS = [2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 120))]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


async def sum_moved(session: AsyncSession, who: UUID, *codes: str) -> int:
    """Return what transfers of these codes, or of all, add to what is owed to a beneficiary."""
    summed = await session.scalar(
        text("""
            SELECT coalesce(sum(CASE WHEN credit_account = :account THEN amount ELSE -amount END),
                0)::bigint FROM ledger_transfers
            WHERE :account IN (debit_account, credit_account)
                AND (code = ANY(:codes) OR cardinality(:codes) = 0)
        """),
        {"account": f"incentive_payable:{who}", "codes": list(codes)},
    )
    return int(summed or 0)


async def find_lost(session: AsyncSession, who: UUID) -> int:
    """Return what is forfeited, less what was set off and taken back of it."""
    return -await sum_moved(session, who, "incentive_forfeited", "incentive_set_off", "correction")


async def find_left(session: AsyncSession, who: UUID) -> int:
    """Return what is held or forfeited, less what makes up for debts of it."""
    left = await session.scalar(
        text("""
            SELECT coalesce(sum(held.amount - coalesce((
                SELECT sum(used.amount) FROM forfeit_set_offs AS used
                WHERE (used.hold_id, used.statement_id) = (held.hold_id, held.statement_id)), 0)),
                0)::bigint
            FROM held_statements AS held JOIN incentive_holds AS hold ON hold.id = held.hold_id
            WHERE hold.beneficiary_id = :who AND hold.status <> 'released'
        """),
        {"who": who},
    )
    return int(left or 0)


async def list_forfeited(session: AsyncSession, who: UUID) -> set[Month]:
    chosen = (
        select(HeldStatement.month)
        .join(IncentiveHold, IncentiveHold.id == HeldStatement.hold_id)
        .where(IncentiveHold.beneficiary_id == who, IncentiveHold.status == HoldStatus.FORFEITED)
    )
    return set(await session.scalars(chosen))


async def check_so_far(session: AsyncSession, history: History) -> None:
    """Check what holds after every act."""
    so_far = "\n".join(history.acts)
    assert await find_book_faults(session) == [], so_far
    for who in history.oracle.shares:
        lost = await find_lost(session, who)
        stated, paid = history.oracle.stated[who], history.oracle.paid[who]
        assert await sum_moved(session, who) == stated - paid - lost, so_far
        # More than was earned cannot be forfeited.
        assert 0 <= lost <= stated, so_far
        if history.acts[-1].startswith("close"):
            # Who owes something has nothing held or forfeited that would make up for it.
            debt = (await statements.find_debts(session, [who])).get(who, 0)
            assert debt == 0 or await find_left(session, who) == 0, so_far


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_owed_in_the_end_is_that_of_the_oracle_in_any_order(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    book: PayeeBook,
    tell: Tell,
    close: Close,
    faults: Faults,
    seed: int,
) -> None:
    is_apart = seed % 2 == 0
    history = History(session, office, account, tell, close, random.Random(seed), is_apart)
    await history.begin(book)

    for _ in range(ACTS):
        await history.act()
        await check_so_far(session, history)
    await history.settle()
    await check_so_far(session, history)

    so_far, oracle = "\n".join(history.acts), history.oracle
    assert await faults(session) == [], so_far
    debts = await statements.find_debts(session, oracle.shares)
    for who in oracle.shares:
        assert await find_lost(session, who) == oracle.find_lost(who), so_far
        # What is taken back of a statement that was never paid is owed, and so is the statement.
        unpaid = sum(each.payable for each in await list_payable(session, who))
        assert debts.get(who, 0) - unpaid == oracle.find_debt(who), so_far
        assert await sum_moved(session, who) == -oracle.find_debt(who), so_far
    wadah_id = history.village.wadah_id
    months = await list_forfeited(session, wadah_id)
    # A wadah forfeits what it earned in months that are held, not what was taken back of them.
    earned = oracle.earned_in(wadah_id, months)
    assert not is_apart or await find_lost(session, wadah_id) <= earned, so_far
