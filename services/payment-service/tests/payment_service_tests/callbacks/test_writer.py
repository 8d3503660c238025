"""The queue in front of the books: batches, what spoils them, and PostgreSQL going away."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from payment_service_tests.callbacks.counters import (
    Counter,
    OpenCounter,
    OwnDatabase,
    batches,
    codes,
    make_writer,
)
from payment_service_tests.partner_bank import inquiry_of, payment_of
from sqlalchemy import select

from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut
from payment_service.callbacks import service
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.callbacks.schemas import Inquiry, Message, Outcome
from payment_service.callbacks.writer import (
    MAX_BATCH,
    InDoubt,
    Writer,
)
from perisai_kit.db.sql import Executor, make_executor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Databases
from sandbox.ports import free_port
from sandbox.postgres import Postgres
from snap_bi.answers import Answer
from snap_bi.codes import Service
from snap_bi.messages import InquiryRequest

NOBODYS = {"customerNo": "9" * 18, "virtualAccountNo": "   88001" + "9" * 18}
"""An account that no bill has."""
UNSTORABLE = "4711\x00"
"""PostgreSQL takes no NUL. The gate lets none in; it stands for what nobody foresaw."""


async def test_a_lone_flag_is_booked_at_once_by_itself(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=1) as counter:
        before = batches()

        answer = await counter.writers[0].take(counter.flag(counter.bills[0]))

        assert answer.response_code == "2002500"
        assert batches() == (before[0] + 1, before[1] + 1)
        assert await counter.paid() == 1


async def test_what_comes_at_once_is_booked_together_and_never_beyond_the_bound(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=1) as counter:
        content = {**payment_of(counter.bills[0], counter.bank.partner), **NOBODYS}
        flags = [
            counter.make_flag(counter.bank, {**content, "paymentRequestId": str(number)})
            for number in range(MAX_BATCH + 10)
        ]
        before = batches()

        writer = counter.writers[0]
        answers = await asyncio.gather(*(writer.take(each) for each in flags))

        assert {each.response_code for each in answers} == {"4042512"}
        assert batches() == (before[0] + 2, before[1] + MAX_BATCH + 10)


async def test_a_flag_that_spoils_its_batch_is_in_doubt_alone(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=12) as counter:
        flags = [
            counter.flag(bill, number=UNSTORABLE if place == 5 else None)
            for place, bill in enumerate(counter.bills)
        ]

        answers = await counter.take(flags)

        assert codes(answers) == ["2002500"] * 5 + ["in doubt"] + ["2002500"] * 6
        assert isinstance(answers[5], InDoubt)
        assert await counter.paid() == 11


async def test_two_writers_that_take_the_same_bills_in_other_orders_pay_each_once(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=30) as counter:
        one, other = counter.writers
        forth = [counter.flag(bill) for bill in counter.bills]
        back = [counter.flag(bill) for bill in reversed(counter.bills)]

        answers = await asyncio.gather(
            *(one.take(each) for each in forth), *(other.take(each) for each in back)
        )

        found = [each.response_code for each in answers]
        assert sorted(found) == ["2002500"] * 30 + ["4042514"] * 30
        pairs = zip(found[:30], reversed(found[30:]), strict=True)
        assert {tuple(sorted(pair)) for pair in pairs} == {("2002500", "4042514")}
        assert await counter.paid() == 30


async def test_a_copy_that_waits_for_a_refused_flag_gets_the_same_answer(
    open_counter: OpenCounter, own_database: OwnDatabase, keyring: Keyring
) -> None:
    async with open_counter(own_database("payment"), bills=1) as counter:
        content = {**payment_of(counter.bills[0], counter.bank.partner), **NOBODYS}
        flags = [counter.make_flag(counter.bank, content, number="4711") for _ in range(2)]

        first, second = await taken_after_waiting(counter, keyring, *flags)

        assert first.answer.response_code == "4042512"
        assert (second.answer, second.verdict) == (first.answer, CallbackOutcome.REPEATED)


async def test_another_bill_under_a_request_that_had_to_be_waited_for_is_a_conflict(
    open_counter: OpenCounter, own_database: OwnDatabase, keyring: Keyring
) -> None:
    async with open_counter(own_database("payment"), bills=2) as counter:
        contents = [
            payment_of(bill, counter.bank.partner, paymentRequestId="same")
            for bill in counter.bills
        ]
        flags = [counter.make_flag(counter.bank, each, number="4711") for each in contents]

        first, second = await taken_after_waiting(counter, keyring, *flags)

        assert first.answer.response_code == "2002500"
        assert (second.answer.response_code, second.verdict) == (
            "4042518",
            CallbackOutcome.CONFLICT,
        )
        assert await counter.paid() == 1


async def taken_after_waiting(
    counter: Counter, keyring: Keyring, first: Message, second: Message
) -> tuple[Outcome, Outcome]:
    """Take two flags in two transactions, of which the second waits until the first commits."""

    async def take_second() -> list[Outcome]:
        async with counter.database.begin() as session:
            return await service.take_payments(make_executor(session), keyring, [second])

    async with counter.database.begin() as session:
        (one,) = await service.take_payments(make_executor(session), keyring, [first])
        waiting = asyncio.create_task(take_second())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    (other,) = await waiting
    return one, other


async def test_closing_books_what_waits(
    open_counter: OpenCounter, own_database: OwnDatabase
) -> None:
    async with open_counter(own_database("payment"), bills=3) as counter:
        waiting = asyncio.gather(
            *(counter.writers[0].take(counter.flag(bill)) for bill in counter.bills)
        )
        await asyncio.sleep(0)  # they stand in the queue now

        await counter.writers[0].close()

        assert [each.response_code for each in await waiting] == ["2002500"] * 3
        assert await counter.paid() == 3


async def test_who_comes_while_the_writer_goes_to_rest_is_answered(
    open_counter: OpenCounter, own_database: OwnDatabase, keyring: Keyring
) -> None:
    async with open_counter(own_database("payment"), bills=3) as counter:
        writer = make_writer(counter, keyring, begin_within_s=0.05)
        held, late, next_one = (counter.flag(bill) for bill in counter.bills)

        async def come_twice() -> Answer:
            with pytest.raises(InDoubt):  # it stood behind the bill that is held
                await writer.take(late)
            return await writer.take(next_one)

        async with counter.database.begin() as session:
            await session.execute(select(Bill).where(Bill.status == "open").with_for_update())
            first = asyncio.create_task(writer.take(held))
            await asyncio.sleep(0.01)
            others = asyncio.create_task(come_twice())
            await asyncio.sleep(0.2)

        async with asyncio.timeout(10):
            answers = [await first, await others]
        await writer.close()
        assert [each.response_code for each in answers] == ["2002500"] * 2
        assert await counter.paid() == 2


@pytest.mark.soak
async def test_a_restart_of_postgresql_under_load_is_answered_honestly(
    open_counter: OpenCounter, tmp_path: Path, with_cluster: Callable[[Path], Path]
) -> None:
    with (
        Postgres(with_cluster(tmp_path), port=free_port(), fsync=False) as server,
        closing(Databases(server)) as databases,
    ):
        urls = databases.clone("payment")
        async with open_counter(urls, bills=60) as counter:
            flags = [counter.flag(bill) for bill in counter.bills]

            before = asyncio.create_task(counter.take(flags[:20]))
            await asyncio.sleep(0.01)  # somewhere within the first batches
            restart = asyncio.create_task(asyncio.to_thread(restarted, server))
            during = await counter.take(flags[20:40])
            await restart
            answers = codes([*await before, *during, *await counter.take(flags[40:])])

            # A flag answered as paid is booked. A flag in doubt may be booked; its repeat says so.
            assert set(answers) <= {"2002500", "in doubt"}
            assert answers[40:] == ["2002500"] * 20
            assert await counter.paid() >= answers.count("2002500")
            repeats = await counter.take(
                [flag for flag, code in zip(flags, answers, strict=True) if code == "in doubt"]
            )
            assert set(codes(repeats)) <= {"2002500"}
            assert await counter.paid() == 60


def restarted(server: Postgres) -> None:
    server.stop()
    server.start()


async def test_inquiries_that_were_stored_before_their_batch_failed_are_answered_as_stored(
    open_counter: OpenCounter, own_database: OwnDatabase, keyring: Keyring
) -> None:
    failures = [ZeroDivisionError()]

    async def store_and_fail(
        run: Executor, keyring: Keyring, messages: Sequence[Inquiry], *, again: bool
    ) -> list[Outcome]:
        outcomes = await service.take_inquiries(run, keyring, messages, again=again)
        if failures:
            raise failures.pop()
        return outcomes

    async with open_counter(own_database("payment"), bills=3) as counter:
        writer = Writer(counter.database, keyring, store_and_fail, service=Service.INQUIRY)
        inquiries = [make_inquiry(counter, bill) for bill in counter.bills]

        answers = await asyncio.gather(*map(writer.take, inquiries))
        await writer.close()

        assert {each.response_code for each in answers} == {"2002400"}
        async with counter.database.read() as session:
            verdicts = list(await session.scalars(select(Callback.verdict)))
        assert verdicts == [CallbackOutcome.ANSWERED] * 3


def make_inquiry(counter: Counter, bill: BillOut) -> Inquiry:
    signed = replace(counter.flag(bill).signed, service=Service.INQUIRY)
    content = inquiry_of(bill, counter.bank.partner)
    return Inquiry(signed=signed, request=InquiryRequest.read_for(counter.bank.profile, content))
