"""Two runs at once over the same statements, and two who report of one attempt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from payment_service_tests.month_closing import agree_to_close, close_month, find_faults
from payment_service_tests.office import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    dismiss,
    know,
    list_transfers,
    open_account,
    send,
    verify_all,
)
from payment_service_tests.village import Village, apply_all, noon, read_until
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.closings.tasks import Closer
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.incentive_statements.models import Statement
from payment_service.payout_preparations.tasks import Preparer
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_transfers.rules import PayoutTransferStatusConflict
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.app import create_kit
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = [pytest.mark.race, pytest.mark.soak]

NOVEMBER = Month(2025, 11)
VILLAGES = 6
BLOCKED_S = 20.0


@pytest.fixture
def villages() -> list[Village]:
    """Villages with two new members of November each, who earn the agent 5,520 apiece."""
    made = [Village() for _ in range(VILLAGES)]
    for each in made:
        each.enrol(2, NOVEMBER)
    return made


@pytest.fixture
async def own(
    own_database: Callable[[str], Urls],
    villages: list[Village],
    keyring: Keyring,
    settings: Settings,
    business_time: BusinessTime,
    wire: Wire,
) -> AsyncIterator[Office]:
    """An office in December, with villages that earned in November."""
    database = Database(own_database("payment").app, keyring=keyring)
    business_time.at(noon(NOVEMBER.plus(1)))
    book = PayeeBook()
    wire.answer("agent", book.answer)
    async with database.begin() as session:
        await know(session, book, *villages, pays=PaymentMethod.AGENTS)
        await apply_all(session, *villages)
        await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
        await close_month(session, NOVEMBER, settings=settings)
    await verify_all(database)
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    yield Office(database, settings, PayeesClient(kit.client(settings.agent_url)))
    await database.dispose()


async def propose(office: Office) -> None:
    async with office.database.begin() as session:
        account = await open_account(session)
        await runs.propose(
            session, through_month=NOVEMBER, payout_account_id=account.id, by=new_id()
        )


async def test_two_runs_at_once_take_each_statement_once(own: Office) -> None:
    for _ in range(2):
        await propose(own)

    workers = [Preparer(own.settings, own.payees, batch=1).run(own.database) for _ in range(4)]
    await asyncio.gather(*workers)

    async with own.database.begin() as session:
        items = (await session.scalars(select(PayoutItem))).all()
        statuses = [each.status.value for each in await _runs(session)]
        payees = Counter((await session.scalars(select(Payout.payee_id))).all())
        assert statuses == ["proposed", "proposed"]
        assert len({each.statement_id for each in items}) == len(items) == 2 * VILLAGES
        assert set(payees.values()) == {1}
        assert await find_faults(session) == []


async def _runs(session: AsyncSession) -> list[PayoutRun]:
    page = await runs.list_runs(session, status=None, cursor=None, limit=10)
    return list(page.items)


async def test_of_two_senders_one_sends_and_of_two_reports_one_counts(own: Office) -> None:
    await propose(own)
    await own.work()
    async with own.database.begin() as session:
        (run,) = await _runs(session)
    await own.release(run.id)
    async with own.database.begin() as session:
        first, *_ = await list_transfers(session, run.id)

    async def claim() -> bool:
        try:
            async with own.database.begin() as session:
                await send(session, first.id)
        except PayoutTransferStatusConflict:
            return False
        return True

    async def report(is_paid: bool) -> bool | None:
        act, what = (payouts.mark_paid, BY_BANK) if is_paid else (payouts.mark_failed, REFUSED)
        try:
            async with own.database.begin() as session:
                return await act(session, first.id, what)
        except PayoutTransferStatusConflict:
            return None

    claims = await asyncio.gather(*(claim() for _ in range(4)))
    paid = await asyncio.gather(*(report(True) for _ in range(4)))
    failed = await report(False)

    assert Counter(claims) == {True: 1, False: 3}
    assert Counter(paid) == {True: 1, False: 3}
    assert failed is None
    async with own.database.begin() as session:
        assert await find_faults(session) == []


async def test_a_close_and_a_run_at_once_deduct_each_debt_once(
    own: Office, villages: list[Village], business_time: BusinessTime
) -> None:
    december, january = NOVEMBER.plus(1), NOVEMBER.plus(2)
    await live(own, villages, december, business_time, lost=1, gained=0)
    async with own.database.begin() as session:
        await close_month(session, december, settings=own.settings)
    await live(own, villages, january, business_time, lost=0, gained=1)
    await verify_all(own.database)
    async with own.database.begin() as session:
        account = await open_account(session)
        await runs.propose(
            session, through_month=december, payout_account_id=account.id, by=new_id()
        )
        await agree_to_close(session, january, settings=own.settings)

    await asyncio.gather(
        *(Preparer(own.settings, own.payees, batch=1).run(own.database) for _ in range(2)),
        *(Closer(own.settings, batch=1).run(own.database) for _ in range(2)),
    )

    async with own.database.begin() as session:
        for village in villages:
            of_agent = PayoutItem.beneficiary_id == village.agent_id
            paid = await session.scalar(select(func.sum(PayoutItem.gross)).where(of_agent))
            chosen = select(Statement).where(
                Statement.beneficiary_id == village.agent_id, Statement.month == january
            )
            stated = (await session.scalars(chosen)).one()
            payable = max(stated.amount - stated.brought_debt, 0)
            assert (paid or 0) + payable == 2 * 5_520  # of the two members who are left
        assert await find_faults(session) == []


async def test_a_close_and_a_dismissal_that_withdraw_the_same_payout_do_not_block_each_other(
    own: Office, villages: list[Village], business_time: BusinessTime
) -> None:
    december = NOVEMBER.plus(1)
    await propose(own)
    await own.work()
    await live(own, villages, december, business_time, lost=1, gained=0)
    async with own.database.begin() as session:
        await agree_to_close(session, december, settings=own.settings)

    async with own.database.begin() as session:
        agent_id = villages[0].agent_id
        await payouts.withdraw_for(session, [agent_id])
        closing = asyncio.create_task(Closer(own.settings).run(own.database))
        await wait_for_a_blocked_one(own.database)
        await dismiss(session, agent_id)
    await closing

    async with own.database.begin() as session:
        reasons = Counter((await session.scalars(select(Payout.withdrawn_reason))).all())
        assert reasons == {"held": 1, "debt_changed": 2 * VILLAGES - 1}  # and the wadahs
        assert await find_faults(session) == []


async def wait_for_a_blocked_one(database: Database) -> None:
    """Wait until a session waits for a lock of another."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(BLOCKED_S):
        while True:
            async with database.read() as session:
                if await session.scalar(blocked):
                    return
            await asyncio.sleep(0.05)


async def live(
    office: Office,
    villages: list[Village],
    month: Month,
    business_time: BusinessTime,
    *,
    lost: int,
    gained: int,
) -> None:
    """Let a month pass in which each village loses and gains so many members."""
    for each in villages:
        for payment in list(each.settled)[:lost]:
            each.decline(payment)
        each.enrol(gained, month)
    business_time.at(noon(month.plus(1)))
    async with office.database.begin() as session:
        await apply_all(session, *villages)
        await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
