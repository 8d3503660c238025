"""A debt that is stated, or comes back, while a payout is under way."""

import pytest
from payment_service_tests.debts import (
    DECEMBER,
    FEBRUARY,
    JANUARY,
    NOVEMBER,
    Earn,
    Faults,
    find_owed,
    list_amounts,
    list_items,
    list_reasons,
    take_back,
)
from payment_service_tests.office import BY_BANK, Office, list_transfers, pay_out, send
from payment_service_tests.village import Village
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.month_lists.models import UnpaidMonth
from payment_service.month_lists.tasks import DueWatch
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_releases import service as payout_releases
from payment_service.payouts import service as payouts
from payment_service.payouts.rules import PayoutOutdated
from perisai_kit.domain.ids import new_id


async def test_a_deduction_comes_back_with_its_payout(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    faults: Faults,
) -> None:
    await take_back(earner, earn, count=1, month=DECEMBER)
    run_id = await pay_out(session, office, account, DECEMBER)
    await earn(3, villages=[earner], month=JANUARY)
    for each in await list_transfers(session, run_id):
        await payouts.mark_returned(session, each.id, BY_BANK)
    await earn(3, villages=[earner], month=FEBRUARY)

    await pay_out(session, office, account, FEBRUARY)

    lost = 16_560 - 11_040
    assert await list_amounts(session, earner) == [
        (16_560, 0, 0),
        (-lost, 0, 0),
        (16_560, lost, 0),
        (16_560, -lost, lost),
    ]
    assert await find_owed(session, earner) == 0
    assert await faults(session) == []


async def test_what_a_payout_under_way_deducts_does_not_count_as_unpaid(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
) -> None:
    await take_back(earner, earn, count=1, month=DECEMBER)
    await office.release(await office.prepare(account.id, DECEMBER))

    await DueWatch(office.settings).run(office.database)

    unpaid = (await session.scalars(select(UnpaidMonth.unpaid_amount))).all()
    assert sorted(unpaid) == [0, 11_040 + 1_104]


@pytest.mark.parametrize("is_released", [False, True])
async def test_what_waits_when_a_debt_is_stated_is_not_sent(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    faults: Faults,
    is_released: bool,
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    if is_released:
        await office.release(run_id)

    await take_back(earner, earn, count=1, month=DECEMBER)

    assert await list_reasons(session, run_id) == ["debt_changed"]
    await pay_out(session, office, account, DECEMBER)
    assert await list_items(session, earner) == [(11_040, 16_560 - 11_040)]
    assert await faults(session) == []


async def test_a_debt_that_comes_back_while_another_run_waits_is_found_at_its_release(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    faults: Faults,
) -> None:
    await take_back(earner, earn, count=1, month=DECEMBER)
    first = await pay_out(session, office, account, DECEMBER)
    await earn(3, villages=[earner], month=JANUARY)
    waiting = await office.prepare(account.id, JANUARY)
    for each in await list_transfers(session, first):
        await payouts.mark_returned(session, each.id, BY_BANK)

    await office.release(waiting)

    assert await list_reasons(session, waiting) == ["debt_changed"]
    await pay_out(session, office, account, JANUARY)
    assert await list_items(session, earner) == [(11_040, 5_520), (16_560, 0)]
    assert await find_owed(session, earner) == 0
    assert await faults(session) == []


async def test_what_failed_before_a_debt_may_turn_out_paid_and_is_not_sent_again(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    faults: Faults,
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.release(run_id)
    transfers = await list_transfers(session, run_id)
    for each in transfers:
        await send(session, each.id)
        await payouts.mark_failed(session, each.id, BY_BANK)

    await take_back(earner, earn, count=1, month=DECEMBER)

    assert await list_reasons(session, run_id) == [None]
    for each in transfers:
        with pytest.raises(PayoutOutdated) as refused:
            await payout_releases.retry(session, each.payout_id, by=new_id())
        assert refused.value.details == {"reason": "debt_changed"}
        await payouts.mark_paid(session, each.id, BY_BANK)
    assert await find_owed(session, earner) == -5_520
    assert await faults(session) == []
