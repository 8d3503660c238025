"""What a flag waits for: others, after a batch of several, and never for long."""

import asyncio
from collections.abc import Sequence

import pytest
from payment_service_tests.callbacks.counters import (
    TOO_LONG_S,
    OpenCounter,
    OwnDatabase,
    batches,
    codes,
    make_writer,
)

from payment_service.callbacks import service
from payment_service.callbacks.schemas import Message, Outcome
from payment_service.callbacks.writer import GATHER_S, GATHERED
from perisai_kit.db.sql import Executor
from perisai_kit.privacy.keyring import Keyring


@pytest.mark.parametrize(
    ("before", "awaited"), [(3, 3), (GATHERED + 4, GATHERED)], ids=["as before", "enough"]
)
async def test_after_several_flags_the_next_batch_begins_when_as_many_have_come(
    open_counter: OpenCounter,
    own_database: OwnDatabase,
    keyring: Keyring,
    before: int,
    awaited: int,
) -> None:
    async with open_counter(own_database("payment"), bills=before + awaited) as counter:
        writer = make_writer(counter, keyring, gather_s=TOO_LONG_S)
        flags = [counter.flag(bill) for bill in counter.bills]
        await asyncio.gather(*(writer.take(each) for each in flags[:before]))
        booked = batches()

        async with asyncio.TaskGroup() as group:
            for each in flags[before:]:  # none is booked before the last one has come
                group.create_task(writer.take(each))
                await asyncio.sleep(0.01)

        assert batches() == (booked[0] + 1, booked[1] + awaited)
        assert await counter.paid() == before + awaited
        await writer.close()


async def test_those_that_a_batch_left_behind_are_waited_for_too(
    open_counter: OpenCounter, own_database: OwnDatabase, keyring: Keyring
) -> None:
    is_open = asyncio.Event()

    async def take_when_open(
        run: Executor, keyring: Keyring, messages: Sequence[Message], *, again: bool
    ) -> list[Outcome]:
        await is_open.wait()
        return await service.take_payments(run, keyring, messages, again=again)

    async with open_counter(own_database("payment"), bills=8) as counter:
        writer = make_writer(counter, keyring, take_when_open, gather_s=TOO_LONG_S)
        flags = [counter.flag(bill) for bill in counter.bills]
        booked = batches()

        first = asyncio.gather(*map(writer.take, flags[:3]))
        await asyncio.sleep(0.01)  # their batch has begun
        left = asyncio.gather(*map(writer.take, flags[3:5]))
        await asyncio.sleep(0.01)
        is_open.set()
        await first
        async with asyncio.TaskGroup() as group:
            for each in flags[5:]:
                group.create_task(writer.take(each))
                await asyncio.sleep(0.01)
        await left

        assert batches() == (booked[0] + 2, booked[1] + 8)
        await writer.close()


@pytest.mark.parametrize(
    ("before", "gather_s"), [(1, TOO_LONG_S), (3, GATHER_S)], ids=["a lone one", "several"]
)
async def test_a_flag_does_not_wait_for_ever_after(
    open_counter: OpenCounter,
    own_database: OwnDatabase,
    keyring: Keyring,
    before: int,
    gather_s: float,
) -> None:
    async with open_counter(own_database("payment"), bills=before + 1) as counter:
        writer = make_writer(counter, keyring, gather_s=gather_s)
        *first, last = (writer.take(counter.flag(bill)) for bill in counter.bills)
        await asyncio.gather(*first)

        async with asyncio.timeout(TOO_LONG_S):
            assert codes([await last]) == ["2002500"]
        await writer.close()
