"""What later statements take back is deducted from earlier ones that are not paid yet."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from payment_service_tests.debts import (
    DECEMBER,
    JANUARY,
    NOVEMBER,
    Earn,
    Faults,
    find_left_out,
    find_owed,
    list_amounts,
    list_items,
    take_back,
)
from payment_service_tests.office import (
    BY_BANK,
    Office,
    PayeeBook,
    know,
    list_transfers,
    pay,
    pay_out,
)
from payment_service_tests.village import Village, noon
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.month_lists.models import UnpaidMonth
from payment_service.month_lists.tasks import DueWatch
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunVerdict
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutStatus
from payment_service.settings import Settings
from payment_service.verifications import service as verifications
from payment_service.verifications.models import MonthVerification
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.events.catalogue import AgentWadahChanged
from perisai_kit.testing.plugin import Tokens

COURSES = 60 if hypothesis_settings.get_current_profile_name() == "soak" else 1
EARNED = 5_520
"""Rupiah for each member whose coverage stands, in these months."""


class Fate(StrEnum):
    """What becomes of a run."""

    PAID = "paid"
    RETURNED = "returned"
    REJECTED = "rejected"
    WAITS = "waits"


async def test_a_debt_is_deducted_from_what_was_not_paid_before_it(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    faults: Faults,
) -> None:
    await take_back(earner, earn, count=1, month=DECEMBER)

    await pay_out(session, office, account, DECEMBER)
    await earn(3, villages=[earner], month=JANUARY)

    lost = 16_560 - 11_040
    assert await list_items(session, earner) == [(11_040, lost)]
    assert await list_amounts(session, earner) == [
        (16_560, 0, 0),
        (-lost, 0, 0),
        (16_560, lost, 0),
    ]
    assert await find_owed(session, earner) == 16_560
    assert await faults(session) == []


async def test_who_owes_more_than_is_unpaid_is_left_out_until_later_months_make_up_for_it(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    settings: Settings,
    faults: Faults,
) -> None:
    await take_back(earner, earn, count=3, month=DECEMBER)

    first = await office.prepare(account.id, DECEMBER)
    await DueWatch(settings).run(office.database)
    late = (await session.scalars(select(UnpaidMonth.unpaid_count))).all()
    await earn(3, villages=[earner], month=JANUARY)
    await pay_out(session, office, account, JANUARY)

    assert await find_left_out(office, first) == {"in_debt": 16_560 + 1_656}
    assert set(late) == {0}  # nothing of it may be paid
    assert await list_items(session, earner) == [(16_560, 0)]
    assert await find_owed(session, earner) == 0
    assert await faults(session) == []


async def test_the_earliest_statements_are_deducted_first_and_one_may_be_nothing(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    faults: Faults,
) -> None:
    await earn(3, villages=[earner], month=DECEMBER)
    await take_back(earner, earn, count=4, month=JANUARY)

    await pay_out(session, office, account, JANUARY)

    assert await list_items(session, earner) == [(0, 16_560), (11_040, 5_520)]
    assert await find_owed(session, earner) == 0
    assert await faults(session) == []


async def test_an_agent_sees_what_was_deducted_and_what_is_still_owed(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
    client: httpx.AsyncClient,
    tokens: Tokens,
) -> None:
    await take_back(earner, earn, count=1, month=DECEMBER)
    headers = tokens.make(Role.AGENT, agent_id=earner.agent_id)
    before = (await client.get("/v1/me/incentive", headers=headers)).json()

    await office.prepare(account.id, DECEMBER)

    after = (await client.get("/v1/me/incentive", headers=headers)).json()
    assert (before["debt"], after["debt"]) == (16_560 - 11_040, 0)
    (own,) = (await client.get("/v1/me/payouts", headers=headers)).json()["items"]
    assert (own["gross"], own["set_off"]) == (11_040, 16_560 - 11_040)
    statements = (await client.get("/v1/statements", headers=headers)).json()["items"]
    assert [(each["payable"], each["deducted"]) for each in statements] == [
        (0, 0),
        (16_560, 16_560 - 11_040),
    ]
    path = f"/v1/statements/{statements[1]['id']}/file?format=csv"
    printed = await client.get(path, headers=headers)
    assert printed.status_code == 200


@pytest.mark.parametrize("batch", [1, 2])
async def test_a_debt_is_deducted_once_where_two_wadahs_are_paid_for_an_agent(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    book: PayeeBook,
    earn: Earn,
    faults: Faults,
    batch: int,
) -> None:
    (village,) = await earn(3, pays=PaymentMethod.WADAH)
    before, village.wadah_id = village.wadah_id, new_id()
    await know(session, book, village, pays=PaymentMethod.WADAH)
    moved = AgentWadahChanged(
        agent_id=village.agent_id,
        move_id=new_id(),
        wadah_id=village.wadah_id,
        from_wadah_id=before,
        from_date=DECEMBER.first_day,
        decided_at=noon(NOVEMBER, 20),
    )
    village.decided.append(moved)
    await earn(3, villages=[village], month=DECEMBER)
    await take_back(village, earn, count=1, month=JANUARY)

    run_id = await office.prepare(account.id, JANUARY, batch=batch)
    await office.release(run_id)
    await pay(session, run_id)

    assert sorted(await list_items(session, village)) == [(11_040, 5_520), (16_560, 0)]
    assert await find_owed(session, village) == 0
    assert await faults(session) == []


async def test_a_month_that_is_not_proven_makes_up_for_no_debt(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    earn: Earn,
) -> None:
    await take_back(earner, earn, count=3, month=DECEMBER)
    await earn(3, villages=[earner], month=JANUARY)
    agreed = await verifications.verify(office.database, JANUARY)
    found = {each.name: getattr(agreed, each.name) for each in MonthVerification.__table__.columns}
    session.add(MonthVerification(**{**found, "id": new_id(), "difference_count": 1}))
    await session.flush()

    run_id = await office.prepare(account.id, NOVEMBER)

    assert await list_items(session, earner) == []
    assert await find_left_out(office, run_id) == {"month_unproven": 16_560 + 1_656}


async def test_what_is_unpaid_is_counted_without_what_will_be_deducted(
    session: AsyncSession, office: Office, earner: Village, earn: Earn, settings: Settings
) -> None:
    await take_back(earner, earn, count=1, month=DECEMBER)

    await DueWatch(settings).run(office.database)

    columns = (UnpaidMonth.month, UnpaidMonth.unpaid_count, UnpaidMonth.unpaid_amount)
    rows = [tuple(row) for row in await session.execute(select(*columns))]
    assert sorted(rows) == [(NOVEMBER, 2, 11_040 + 1_104), (DECEMBER, 0, 0)]


@given(
    months=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from(Fate)),
        min_size=4,
        max_size=5,
    )
)
@hypothesis_settings(
    max_examples=COURSES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_each_run_pays_what_is_stated_less_what_is_paid_or_under_way(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earn: Earn,
    faults: Faults,
    months: list[tuple[int, int, Fate]],
) -> None:
    async with session.begin_nested() as savepoint:
        (village,) = await earn(1, month=NOVEMBER)
        kept, lost = list(village.settled), list[Any]()
        for number, (gained, dropped, fate) in enumerate([*months, (9, 0, Fate.PAID)], start=1):
            lost, kept = kept[:dropped], kept[dropped:]
            for payment in lost:
                village.decline(payment)
            before = list(village.settled)
            await earn(gained, villages=[village], month=NOVEMBER.plus(number))
            kept += [each for each in village.settled if each not in before]
            taken = sum(gross for gross, _ in await list_items(session, village))

            run_id = await office.prepare(account.id, NOVEMBER.plus(number))

            # Each member whose coverage stands has earned the agent this much.
            stated = EARNED * len(kept)
            live = sum(gross for gross, _ in await list_items(session, village))
            assert live == max(taken, stated)
            assert await find_owed(session, village) == stated - await sum_paid(session, village)
            await meet(session, office, run_id, fate)
        assert await faults(session) == []
        await savepoint.rollback()


async def sum_paid(session: AsyncSession, village: Village) -> int:
    chosen = select(func.coalesce(func.sum(Payout.gross), 0)).where(
        Payout.payee_id == village.agent_id, Payout.status == PayoutStatus.PAID
    )
    return int((await session.scalars(chosen)).one())


async def meet(session: AsyncSession, office: Office, run_id: UUID, fate: Fate) -> None:
    """Let a run be paid, come back, be rejected, or wait."""
    run = await office.find(run_id)
    assert run.figures is not None
    match fate:
        case Fate.WAITS:
            return
        case Fate.REJECTED:
            await runs.decide(session, run_id, verdict=RunVerdict.REJECTED, by=new_id())
        case Fate.PAID | Fate.RETURNED if run.figures["payout_count"]:
            await office.release(run_id)
            await pay(session, run_id)
            for each in await list_transfers(session, run_id):
                if fate is Fate.RETURNED:
                    await payouts.mark_returned(session, each.id, BY_BANK)
