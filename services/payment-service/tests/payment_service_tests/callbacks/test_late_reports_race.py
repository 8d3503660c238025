"""Late reports and other payments of the same months at once, over two processes' worth of apps."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, time, timedelta
from typing import Any, TypeVar

import httpx
import pytest
from payment_service_tests.callbacks.conftest import MakeFlag, OpenTown, Town
from payment_service_tests.partner_bank import payment_of
from sqlalchemy import select, text

from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, MonthAlreadyBilled, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.callbacks import service
from payment_service.callbacks.schemas import Message
from payment_service.clients.members import ContributionBasis
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime

pytestmark = pytest.mark.race

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))
MEMBERS = 12
LATER = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def at_noon(business_time: BusinessTime) -> None:
    """An hour later it is still the same day, and the same months can be billed."""
    business_time.at(datetime.combine(clock.today(), time(12), JAKARTA))


async def issue_twice(
    town: Town, bases: list[ContributionBasis], issue_bill: IssueBill, business_time: BusinessTime
) -> list[tuple[BillOut, BillOut]]:
    """Issue a bill and then a newer one for each of these members; return both."""
    start = clock.now()
    async with town.database.begin() as session:
        replaced = [await issue_bill(session, basis=basis) for basis in bases]
    business_time.at(start + LATER)
    async with town.database.begin() as session:
        newer = [await issue_bill(session, basis=basis) for basis in bases]
    business_time.at(start + 2 * LATER)
    return list(zip(replaced, newer, strict=True))


def paid_at_issue(town: Town, bill: BillOut) -> dict[str, Any]:
    """Return the message of a payment that was made in the minute of the issue."""
    at = bill.issued_at.astimezone(JAKARTA).isoformat(timespec="seconds")
    return payment_of(bill, town.banks[0].partner, trxDateTime=at)


async def pay_at_once(town: Town, pairs: list[tuple[BillOut, BillOut]]) -> list[list[str]]:
    """Pay all bills at once, over one app or the other; return both codes of each pair."""
    work = [(place, paid_at_issue(town, bill)) for place, pair in enumerate(pairs) for bill in pair]
    random.Random(5).shuffle(work)
    answers = await asyncio.gather(
        *(town.banks[turn % 2].pay(message) for turn, (_, message) in enumerate(work))
    )
    codes: list[list[str]] = [[] for _ in pairs]
    for (place, _), answer in zip(work, answers, strict=True):
        codes[place].append(answer.json()["responseCode"])
    return codes


async def statuses(town: Town) -> Counter[tuple[BillStatus, ...]]:
    """Count members by the statuses of their bills, the newest last."""
    found: dict[object, list[tuple[datetime, BillStatus]]] = {}
    async with town.database.read() as session:
        for bill in await session.scalars(select(Bill).order_by(Bill.id)):
            found.setdefault(bill.member_id, []).append((bill.issued_at, bill.status))
    return Counter(tuple(status for _, status in own) for own in found.values())


async def test_a_late_report_and_a_payment_of_the_newer_bill_at_once_pay_the_months_once(
    open_town: OpenTown, issue_bill: IssueBill, make_basis: MakeBasis, business_time: BusinessTime
) -> None:
    town = await open_town()
    bases = [make_basis() for _ in range(MEMBERS)]
    pairs = await issue_twice(town, bases, issue_bill, business_time)

    codes = await pay_at_once(town, pairs)

    assert [sorted(each) for each in codes] == [["2002500", "4042512"]] * MEMBERS
    assert await town.count(Payment) == MEMBERS
    assert (await statuses(town)).keys() <= {
        (BillStatus.PAID, BillStatus.VOID),
        (BillStatus.REPLACED, BillStatus.PAID),
    }
    assert await town.faults() == []


async def test_two_late_reports_for_the_same_months_at_once_pay_them_once(
    open_town: OpenTown, issue_bill: IssueBill, make_basis: MakeBasis, business_time: BusinessTime
) -> None:
    town = await open_town()
    bases = [make_basis() for _ in range(MEMBERS)]
    pairs = await issue_twice(town, bases, issue_bill, business_time)
    async with town.database.begin() as session:
        for _, newer in pairs:
            await bills.cancel(session, ADMIN, newer.id, reason=VoidReason.MEMBER_REQUEST)

    codes = await pay_at_once(town, pairs)

    assert [sorted(each) for each in codes] == [["2002500", "4042512"]] * MEMBERS
    assert await town.count(Payment) == MEMBERS
    assert (await statuses(town)).keys() <= {
        (BillStatus.PAID, BillStatus.VOID),
        (BillStatus.REPLACED, BillStatus.PAID),
    }
    assert await town.faults() == []


Result = TypeVar("Result")


async def run_behind(
    town: Town, keyring: Keyring, late: Message, other: Coroutine[Any, Any, Result]
) -> tuple[str, Result | BaseException]:
    """Book a late report, and run something that has to wait while its transaction is open.

    Return the code of the late report, and what came of the other.
    """
    async with town.database.begin() as session:
        (first,) = await service.take_payments(make_executor(session), keyring, [late])
        waiting = asyncio.create_task(other)
        await wait_until_blocked(town.database, waiting)
    (second,) = await asyncio.gather(waiting, return_exceptions=True)
    return first.answer.response_code, second


async def wait_until_blocked(database: Database, task: asyncio.Task[Any]) -> None:
    """Wait until a transaction of this database waits for the lock of another, or all is done."""
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(10):
        while not task.done():
            async with database.read() as session:
                if await session.scalar(query):
                    return
            await asyncio.sleep(0.01)


async def test_a_late_report_waits_for_another_of_the_same_member_and_is_refused(
    *,
    open_town: OpenTown,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    business_time: BusinessTime,
    flag: MakeFlag,
    keyring: Keyring,
) -> None:
    town = await open_town()
    ((one, other),) = await issue_twice(town, [make_basis()], issue_bill, business_time)
    async with town.database.begin() as session:
        await bills.cancel(session, ADMIN, other.id, reason=VoidReason.MEMBER_REQUEST)
    late = flag(town.banks[0], paid_at_issue(town, one))

    code, answer = await run_behind(
        town, keyring, late, town.banks[0].pay(paid_at_issue(town, other))
    )

    assert isinstance(answer, httpx.Response)
    assert (code, answer.json()["responseCode"]) == ("2002500", "4042512")
    assert await statuses(town) == {(BillStatus.PAID, BillStatus.VOID): 1}


async def test_a_bill_issued_while_a_late_report_pays_its_months_waits_and_is_refused(
    *,
    open_town: OpenTown,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    business_time: BusinessTime,
    flag: MakeFlag,
    keyring: Keyring,
) -> None:
    town, basis = await open_town(), make_basis()
    async with town.database.begin() as session:
        bill = await issue_bill(session, basis=basis)
    business_time.at(bill.issued_at + LATER)
    async with town.database.begin() as session:
        await bills.cancel(session, ADMIN, bill.id, reason=VoidReason.MEMBER_REQUEST)

    async def issue() -> BillOut:
        async with town.database.begin() as session:
            return await issue_bill(session, basis=basis)

    late = flag(town.banks[0], paid_at_issue(town, bill))
    code, refused = await run_behind(town, keyring, late, issue())

    assert (code, type(refused)) == ("2002500", MonthAlreadyBilled)
    assert await statuses(town) == {(BillStatus.PAID,): 1}
    assert await town.faults() == []
