"""What is held makes up for debts first, in whatever order it is decided and paid."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from payment_service_tests.debts import DECEMBER, FEBRUARY, JANUARY, NOVEMBER, Faults
from payment_service_tests.hold_decisions.deciding import approve, list_holds, take_back_forfeit
from payment_service_tests.office import (
    BY_BANK,
    Office,
    PayeeBook,
    list_transfers,
    pay,
    pay_out,
    sign_agreement,
)
from payment_service_tests.village import Village, apply_events, noon
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds.rules import HoldVerdict
from payment_service.incentive_statements import queries as statements
from payment_service.incentive_statements.models import Statement
from payment_service.ledger import service as ledger
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutStatus
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

SHARE = 552
"""What a wadah earns of one payment."""
Close = Callable[[Month], Awaitable[None]]
Tell = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Wadah:
    """A wadah whose share of a month is held where it has no agreement on the day of the close."""

    session: AsyncSession
    office: Office
    account: PayoutAccount
    tell: Tell
    close_month: Close
    village: Village = field(default_factory=Village)

    @property
    def id(self) -> UUID:
        return self.village.wadah_id

    async def state(self, month: Month, *, count: int, is_held: bool = False) -> None:
        """Close a month with so many payments."""
        for _ in range(count):
            self.village.pay(month, is_acquisition=False)
        if not is_held:
            days = month.plus(1)
            agreement = sign_agreement(self.id, pays=PaymentMethod.AGENTS)
            span = {"starts_on": days.first_day, "ends_on": days.last_day}
            self.village.decided.append(agreement.model_copy(update=span))
        await self.tell(self.village)
        await self.close_month(month)

    def take_back(self, *numbers: int) -> None:
        """Payments of these numbers do not count after all, as the next close states."""
        for number in numbers:
            self.village.decline(self.village.settled[number])

    async def decide(self, verdict: HoldVerdict) -> None:
        for hold in await list_holds(self.session, self.id, status="open"):
            await approve(self.session, hold.id, verdict)

    async def pay_out(self, through: Month) -> UUID:
        return await pay_out(self.session, self.office, self.account, through)

    async def find_debt(self) -> int:
        return (await statements.find_debts(self.session, [self.id])).get(self.id, 0)

    async def sum_paid(self) -> int:
        summed = select(func.coalesce(func.sum(PayoutItem.gross), 0)).join(Payout)
        paid = summed.where(
            PayoutItem.beneficiary_id == self.id, Payout.status == PayoutStatus.PAID
        )
        return int((await self.session.scalars(paid)).one())

    async def sum_up(self) -> tuple[int, int, int]:
        """Return what was paid, what is still owed, and the debt."""
        accounts = await ledger.list_accounts(self.session, cursor=None, limit=200)
        account = f"incentive_payable:{self.id}"
        owed = sum(each.balance for each in accounts.items if each.account == account)
        return await self.sum_paid(), owed, await self.find_debt()


@pytest.fixture
async def wadah(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    book: PayeeBook,
    tell: Tell,
    close: Close,
) -> Wadah:
    made = Wadah(session, office, account, tell, close)
    book.add(made.id, "wadah", legal_entity=True)
    await apply_events(session, [book.tell(made.id, at=noon(NOVEMBER.plus(-1)))])
    return made


async def decide_and_pay(wadah: Wadah) -> None:
    await wadah.decide(HoldVerdict.FORFEIT)
    await wadah.pay_out(JANUARY)


async def pay_and_decide(wadah: Wadah) -> None:
    await wadah.pay_out(JANUARY)
    await wadah.decide(HoldVerdict.FORFEIT)


@pytest.mark.parametrize("order", [decide_and_pay, pay_and_decide], ids=lambda each: each.__name__)
async def test_what_is_taken_back_of_what_is_held_is_not_deducted_from_what_is_free(
    session: AsyncSession, wadah: Wadah, faults: Faults, order: Callable[[Wadah], Awaitable[None]]
) -> None:
    await wadah.state(NOVEMBER, count=1, is_held=True)
    await wadah.state(DECEMBER, count=1)
    wadah.take_back(0)
    await wadah.state(JANUARY, count=0)

    await order(wadah)

    assert await wadah.sum_up() == (SHARE, 0, 0)
    assert await faults(session) == []


async def test_a_later_month_does_not_make_up_for_what_is_taken_back_of_what_is_held(
    session: AsyncSession, wadah: Wadah, faults: Faults
) -> None:
    await wadah.state(NOVEMBER, count=1, is_held=True)
    wadah.take_back(0)
    await wadah.state(DECEMBER, count=0)
    await wadah.state(JANUARY, count=1)

    stated = await session.execute(
        select(Statement.amount, Statement.set_off, Statement.brought_debt)
        .where(Statement.beneficiary_id == wadah.id)
        .order_by(Statement.month)
    )
    assert [tuple(each) for each in stated] == [(SHARE, 0, 0), (-SHARE, 0, 0), (SHARE, SHARE, 0)]
    await pay_and_decide(wadah)
    assert await wadah.sum_up() == (SHARE, 0, 0)
    assert await faults(session) == []


async def test_what_made_up_for_a_debt_and_is_released_owes_it_again(
    session: AsyncSession, wadah: Wadah, faults: Faults
) -> None:
    await wadah.state(NOVEMBER, count=2, is_held=True)
    await wadah.state(DECEMBER, count=1)
    wadah.take_back(0)
    await wadah.state(JANUARY, count=0)
    await wadah.pay_out(JANUARY)

    await wadah.decide(HoldVerdict.RELEASE)
    debt = await wadah.find_debt()
    await wadah.state(FEBRUARY, count=0)
    await wadah.pay_out(FEBRUARY)

    assert debt == SHARE
    assert await wadah.sum_up() == (2 * SHARE, 0, 0)
    assert await faults(session) == []


async def test_what_waits_to_be_sent_is_not_withdrawn_for_what_is_taken_back_of_a_forfeit(
    session: AsyncSession, wadah: Wadah, faults: Faults
) -> None:
    await wadah.state(NOVEMBER, count=1, is_held=True)
    await wadah.decide(HoldVerdict.FORFEIT)
    await wadah.state(DECEMBER, count=1)
    run_id = await wadah.office.prepare(wadah.account.id, DECEMBER)
    wadah.take_back(0)
    await wadah.state(JANUARY, count=0)

    await wadah.office.release(run_id)
    await pay(session, run_id)

    assert await wadah.sum_up() == (SHARE, 0, 0)
    assert await faults(session) == []


async def test_a_forfeit_that_is_taken_back_leaves_its_debt_to_another_forfeit(
    session: AsyncSession, wadah: Wadah, faults: Faults
) -> None:
    await wadah.state(NOVEMBER, count=1, is_held=True)
    await wadah.state(DECEMBER, count=1, is_held=True)
    await wadah.decide(HoldVerdict.FORFEIT)
    wadah.take_back(0)
    await wadah.state(JANUARY, count=0)
    first, _ = await list_holds(session, wadah.id, status="forfeited")

    await take_back_forfeit(session, first.id)

    assert await wadah.find_debt() == 0
    await wadah.pay_out(JANUARY)
    assert await wadah.sum_up() == (SHARE, 0, 0)
    assert await faults(session) == []


@pytest.mark.parametrize("is_closed_between", [False, True])
async def test_a_debt_that_comes_back_with_a_payout_meets_a_forfeit_at_the_next_close_or_run(
    session: AsyncSession, wadah: Wadah, faults: Faults, is_closed_between: bool
) -> None:
    await wadah.state(NOVEMBER, count=2)
    wadah.take_back(0)
    await wadah.state(DECEMBER, count=0)
    run_id = await wadah.pay_out(DECEMBER)
    await wadah.state(JANUARY, count=1, is_held=True)
    await wadah.decide(HoldVerdict.FORFEIT)
    for each in await list_transfers(session, run_id):
        await payouts.mark_returned(session, each.id, BY_BANK)
    if is_closed_between:
        await wadah.state(FEBRUARY, count=0)

    await wadah.pay_out(JANUARY)

    assert await wadah.sum_up() == (2 * SHARE, 0, 0)
    assert await faults(session) == []
