import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import func, select

from payment_service import checks
from payment_service.bills import rules as bill_rules
from payment_service.bills.schemas import BillOut
from payment_service.payments import service
from payment_service.payments.models import Payment
from payment_service.payments.rules import Notice, PaymentRequestReused
from payment_service.payments.service import Settlement
from perisai_kit.db import Database
from perisai_kit.pii import Keyring
from perisai_kit.testing import Urls

pytestmark = pytest.mark.race

IssueBill = Callable[..., Awaitable[BillOut]]
MakeNotice = Callable[..., Notice]


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()


async def settle_at_once(own: Database, notices: list[Notice]) -> list[Settlement | BaseException]:
    async def settle(notice: Notice) -> Settlement:
        async with own.begin() as session:
            return await service.settle(session, notice)

    return await asyncio.gather(*(settle(each) for each in notices), return_exceptions=True)


async def test_of_the_same_notice_many_times_at_once_one_books(
    own: Database, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    async with own.begin() as session:
        notice = make_notice(await issue_bill(session))

    outcomes = await settle_at_once(own, [notice] * 8)

    settled = [each for each in outcomes if isinstance(each, Settlement)]
    assert len(settled) == 8
    assert Counter(each.is_new for each in settled) == {False: 7, True: 1}
    assert len({each.payment.id for each in settled}) == 1
    async with own.read() as session:
        assert await checks.find_faults(session) == []


async def test_of_two_payments_for_one_bill_at_once_one_is_taken(
    own: Database, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    async with own.begin() as session:
        bill = await issue_bill(session)

    outcomes = await settle_at_once(own, [make_notice(bill) for _ in range(6)])

    kinds = Counter(type(each) for each in outcomes)
    assert kinds == {Settlement: 1, bill_rules.BillAlreadyPaid: 5}
    async with own.read() as session:
        assert await checks.find_faults(session) == []


async def test_one_request_number_for_two_bills_at_once_pays_one_of_them(
    own: Database, issue_bill: IssueBill, make_notice: MakeNotice
) -> None:
    async with own.begin() as session:
        shown = [await issue_bill(session) for _ in range(4)]

    outcomes = await settle_at_once(
        own, [make_notice(bill, payment_request_id="77") for bill in shown]
    )

    kinds = Counter(type(each) for each in outcomes)
    assert kinds == {Settlement: 1, PaymentRequestReused: 3}
    async with own.read() as session:
        assert await session.scalar(select(func.count()).select_from(Payment)) == 1
        assert await checks.find_faults(session) == []
