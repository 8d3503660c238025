"""Many at once, over two processes' worth of apps on one database."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from payment_service_tests.callbacks.conftest import OpenTown, Town
from payment_service_tests.partner_bank import inquiry_of, payment_of
from prometheus_client import REGISTRY
from sqlalchemy import func, select, text

from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.payments.models import Payment
from perisai_kit.db.engine import Database
from perisai_kit.db.notifications import Channel
from perisai_kit.events.outbox import EventRow
from snap_bi.codes import Service
from snap_bi.profiles import PROFILES
from snap_bi.readings import BankReading, read_payment_answer

pytestmark = pytest.mark.race

IssueBill = Callable[..., Awaitable[BillOut]]


async def bills_of(town: Town, issue_bill: IssueBill, count: int) -> list[BillOut]:
    async with town.database.begin() as session:
        return [await issue_bill(session) for _ in range(count)]


async def test_a_transaction_with_payments_sends_no_notification_itself(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town, senders = await open_town(), asyncio.Queue[int]()
    bank, bills = town.banks[0], await bills_of(town, issue_bill, 10)
    listening = await asyncpg.connect(town.urls.app)
    await listening.add_listener(Channel.PUBLISHED, lambda _, pid, *__: senders.put_nowait(pid))

    await asyncio.gather(*(bank.pay(payment_of(bill, bank.partner)) for bill in bills))
    async with asyncio.timeout(30):
        pids = {await senders.get()}
    rows = await listening.fetch(
        "SELECT pid, application_name FROM pg_stat_activity WHERE datname = current_database()"
    )
    await listening.close()
    while not senders.empty():
        pids.add(senders.get_nowait())

    names = {row["pid"]: row["application_name"] for row in rows}
    assert await town.count(Payment) == 10
    assert "perisai-callbacks" in names.values()
    assert {names[pid] for pid in pids} == {"perisai-direct"}


@pytest.mark.parametrize("profile", list(PROFILES))
async def test_fifty_copies_of_one_callback_make_one_payment_and_fifty_true_answers(
    open_town: OpenTown, issue_bill: IssueBill, profile: str
) -> None:
    town = await open_town(profile)
    (bill,) = await bills_of(town, issue_bill, 1)
    message = payment_of(bill, town.banks[0].partner)

    answers = await asyncio.gather(
        *(town.banks[place % 2].pay(message, number="4711") for place in range(50))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    readings = {read_payment_answer(PROFILES[profile], answer.content) for answer in answers}
    assert readings == {BankReading.PAID}
    assert await town.count(Payment) == 1
    assert await town.count(EventRow, EventRow.type == "payment.settled.v1") == 1
    assert await town.verdicts() == {CallbackOutcome.SETTLED: 1, CallbackOutcome.REPEATED: 49}
    assert await town.faults() == []


async def test_copies_with_another_amount_at_the_same_time_book_the_right_one_once(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    (bill,) = await bills_of(town, issue_bill, 1)
    right = payment_of(bill, town.banks[0].partner)
    wrong = {**right, "paidAmount": {"value": "1.00", "currency": "IDR"}}

    answers = await asyncio.gather(
        *(town.banks[n % 2].pay(right if n % 4 < 2 else wrong) for n in range(40))
    )

    codes = [answer.json()["responseCode"] for answer in answers]
    assert {codes[n] for n in range(40) if n % 4 < 2} == {"2002500"}
    assert {codes[n] for n in range(40) if n % 4 >= 2} <= {"4042513", "4042518"}
    assert await town.count(Payment, Payment.amount == bill.amount) == 1
    assert await town.count(Payment) == 1


async def test_one_request_for_two_bills_at_once_pays_only_one(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    one, other = await bills_of(town, issue_bill, 2)
    partner = town.banks[0].partner
    messages = [payment_of(bill, partner, paymentRequestId="same") for bill in (one, other)]

    answers = await asyncio.gather(
        *(town.banks[n % 2].pay(messages[n // 2 % 2]) for n in range(20))
    )

    codes = Counter(answer.json()["responseCode"] for answer in answers)
    assert codes == {"2002500": 10, "4042518": 10}
    assert await town.count(Payment) == 1
    async with town.database.read() as session:
        paid = select(func.count()).select_from(Bill).where(Bill.status == BillStatus.PAID)
        assert await session.scalar(paid) == 1


async def test_two_payments_of_one_bill_at_once_pay_it_once(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    (bill,) = await bills_of(town, issue_bill, 1)

    answers = await asyncio.gather(
        *(bank.pay(payment_of(bill, bank.partner)) for bank in town.banks * 10)
    )

    codes = Counter(answer.json()["responseCode"] for answer in answers)
    assert codes == {"2002500": 1, "4042514": 19}
    assert await town.count(Payment) == 1


async def test_one_external_id_for_many_payments_at_once_books_one(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    bills = await bills_of(town, issue_bill, 10)

    answers = await asyncio.gather(
        *(
            town.banks[n % 2].pay(payment_of(bill, town.banks[0].partner), number="4711")
            for n, bill in enumerate(bills)
        )
    )

    codes = Counter(answer.json()["responseCode"] for answer in answers)
    assert codes == {"2002500": 1, "4092500": 9}
    assert await town.count(Payment) == 1


COLLIDE_TWICE = (
    "CREATE SEQUENCE collisions",
    "GRANT USAGE ON SEQUENCE collisions TO payment_app",
    "CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN IF nextval('collisions') <= 2 THEN"
    " RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER collide BEFORE INSERT ON callbacks FOR EACH ROW EXECUTE FUNCTION collide()",
)
FAIL_AT_COMMIT = (
    "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
    "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON callbacks"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
)


async def as_owner(town: Town, *statements: str) -> None:
    owner = Database(town.urls.owner)
    async with owner.begin() as session:
        for statement in statements:
            await session.execute(text(statement))
    await owner.dispose()


async def test_a_transaction_that_only_collided_is_tried_again(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    (bill,) = await bills_of(town, issue_bill, 1)
    await as_owner(town, *COLLIDE_TWICE)

    answer = await town.banks[0].pay(payment_of(bill, town.banks[0].partner))

    assert answer.json()["responseCode"] == "2002500"
    assert await town.count(Payment) == 1


@pytest.mark.parametrize(
    ("profile", "status", "reading"),
    [
        ("generic-hmac", 500, BankReading.SUSPENDED),
        ("bri", 500, BankReading.SUSPENDED),
        ("bca", 504, BankReading.TIMED_OUT),
    ],
)
async def test_a_commit_that_fails_is_never_answered_as_paid_or_refused(
    open_town: OpenTown,
    issue_bill: IssueBill,
    profile: str,
    status: int,
    reading: BankReading,
) -> None:
    town = await open_town(profile)
    (bill,) = await bills_of(town, issue_bill, 1)
    message = payment_of(bill, town.banks[0].partner)
    await as_owner(town, *FAIL_AT_COMMIT)

    failed = await town.banks[0].pay(message, number="4711")
    await as_owner(town, "DROP TRIGGER fail ON callbacks")
    repeated = await town.banks[1].pay(message, number="4711")

    assert failed.status_code == status
    assert read_payment_answer(PROFILES[profile], failed.content) is reading
    assert repeated.json()["responseCode"] == "2002500"
    assert await town.count(Payment) == 1


@pytest.mark.parametrize("profile", ["generic-hmac", "bri"])
async def test_a_bill_asked_about_and_paid_at_once_is_paid_once_and_every_answer_is_true(
    open_town: OpenTown, issue_bill: IssueBill, profile: str
) -> None:
    town = await open_town(profile)
    (bill,) = await bills_of(town, issue_bill, 1)
    partner = town.banks[0].partner

    asked = [town.banks[n % 2].inquire(inquiry_of(bill, partner)) for n in range(20)]
    paid = town.banks[0].pay(payment_of(bill, partner))
    *answers, payment = await asyncio.gather(*asked[:10], *asked[10:], paid)

    assert payment.json()["responseCode"] == "2002500"
    assert {each.json()["responseCode"] for each in answers} <= {"2002400", "4042414"}
    assert await town.count(Payment) == 1
    assert await town.faults() == []


async def test_an_inquiry_waits_for_no_lock_of_a_payment(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    (bill,) = await bills_of(town, issue_bill, 1)
    bank = town.banks[0]

    async with town.database.begin() as other:
        await other.execute(select(Bill.id).where(Bill.id == bill.id).with_for_update())
        paying = asyncio.create_task(bank.pay(payment_of(bill, bank.partner)))
        await asyncio.sleep(0.1)
        asked = await bank.inquire(inquiry_of(bill, bank.partner))
        was_waiting = not paying.done()
    paid = await paying

    assert asked.json()["responseCode"] == "2002400"
    assert was_waiting
    assert paid.json()["responseCode"] == "2002500"


async def test_inquiries_that_come_at_once_are_stored_together_each_with_its_own_answer(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    paid, open_ = await bills_of(town, issue_bill, 2)
    bank = town.banks[0]
    await bank.pay(payment_of(paid, bank.partner))
    names = ("snap_batch_size_count", "snap_batch_size_sum")

    def batches() -> list[float]:
        labels = {"service": Service.INQUIRY.value}
        return [REGISTRY.get_sample_value(name, labels) or 0.0 for name in names]

    before = batches()
    asked = [inquiry_of(bill, bank.partner) for bill in (paid, open_) for _ in range(10)]
    answers = await asyncio.gather(*map(bank.inquire, asked))
    count, stored = (after - was for after, was in zip(batches(), before, strict=True))

    assert [each.json()["responseCode"] for each in answers] == ["4042414"] * 10 + ["2002400"] * 10
    assert stored == 20
    assert count < 20


async def test_of_copies_of_an_inquiry_in_two_processes_one_is_answered(
    open_town: OpenTown, issue_bill: IssueBill
) -> None:
    town = await open_town()
    (bill,) = await bills_of(town, issue_bill, 1)
    message = inquiry_of(bill, town.banks[0].partner)

    answers = await asyncio.gather(
        *(town.banks[n % 2].inquire(message, number="4711") for n in range(10))
    )

    codes = Counter(each.json()["responseCode"] for each in answers)
    assert codes == {"2002400": 1, "4092400": 9}
    assert (await town.verdicts())[CallbackOutcome.ANSWERED] == 1
