"""Two runs at once over the same statements, and two who report of one attempt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.payout_preparations.tasks import Preparer
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_transfers.rules import PayoutTransferStatusConflict
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from payment_service.testing_closings import close_month, find_faults
from payment_service.testing_commissions import Village, apply_all, noon, read_until
from payment_service.testing_payouts import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    know,
    list_transfers,
    open_account,
    send,
    verify_all,
)
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


@pytest.fixture
async def own(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    settings: Settings,
    business_time: BusinessTime,
    wire: Wire,
) -> AsyncIterator[Office]:
    """An office in December, with villages that earned in November."""
    database = Database(own_database("payment").app, keyring=keyring)
    business_time.at(noon(NOVEMBER.plus(1)))
    book, villages = PayeeBook(), [Village() for _ in range(VILLAGES)]
    wire.answer("agent", book.answer)
    for village in villages:
        village.enrol(1, NOVEMBER)
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
