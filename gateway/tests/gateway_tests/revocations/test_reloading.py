"""When a process of the gateway reads its keys and revocations again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from gateway.keys.service import SigningKeys
from gateway.revocations.service import RELOAD_AHEAD_S, RELOAD_EVERY_S, OwnRevocations
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Unavailable

WAIT_S = 30


class Reloading:
    """A list on a clock of its own, with its task; it counts its readings of the keys."""

    def __init__(self, gateway: Any, database: Database) -> None:
        self.now_s = 100.0
        self.readings = 0
        self.is_down = False
        self.has_read = asyncio.Event()
        self.keys = SigningKeys(database)
        self.revocations = OwnRevocations(
            gateway.parts.settings, database, self.keys, monotonic=lambda: self.now_s
        )
        self.task = asyncio.create_task(self.revocations.keep_reloading())

    async def wait_for_reading(self) -> None:
        self.has_read.clear()
        await asyncio.wait_for(self.has_read.wait(), WAIT_S)


@pytest.fixture
async def reloading(gateway: Any) -> AsyncIterator[Reloading]:
    database = Database.from_settings(gateway.parts.settings, keyring=gateway.parts.keyring)
    made = Reloading(gateway, database)

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "signing_keys" in statement:
            made.readings += 1
            made.has_read.set()
            if made.is_down:
                raise OperationalError(statement, {}, OSError("the database is down"))

    await made.revocations.refresh()
    made.readings = 0  # the first process to read creates the keys, and reads them again
    yield made
    made.task.cancel()
    await asyncio.wait([made.task])
    await database.dispose()


async def test_an_idle_process_does_not_read(reloading: Reloading) -> None:
    reloading.now_s += 3600
    await asyncio.sleep(0.1)

    assert reloading.readings == 0
    assert reloading.keys.loaded


async def test_a_request_waits_for_what_is_too_old_and_not_for_what_is_recent(
    reloading: Reloading,
) -> None:
    reloading.now_s += RELOAD_AHEAD_S / 2
    await reloading.revocations.refresh()
    assert reloading.readings == 0

    reloading.now_s += RELOAD_EVERY_S
    await asyncio.gather(*(reloading.revocations.refresh() for _ in range(20)))

    assert reloading.readings == 1


async def test_a_busy_process_reads_before_a_request_must_wait(reloading: Reloading) -> None:
    reloading.now_s += RELOAD_AHEAD_S
    waiting = reloading.revocations.refresh()
    with pytest.raises(StopIteration):  # it ends without giving up its turn once
        waiting.send(None)

    await reloading.wait_for_reading()


async def test_no_request_waits_while_the_database_is_down_and_it_is_read_again_afterwards(
    reloading: Reloading,
) -> None:
    reloading.is_down = True
    reloading.now_s += RELOAD_EVERY_S
    await asyncio.wait_for(reloading.revocations.refresh(), WAIT_S)
    assert reloading.keys.loaded
    waiting = reloading.revocations.refresh()
    with pytest.raises(StopIteration):
        waiting.send(None)

    reloading.is_down = False
    await reloading.wait_for_reading()  # by itself
    await asyncio.sleep(0.1)
    reloading.now_s += RELOAD_EVERY_S
    last = reloading.readings
    await reloading.revocations.refresh()
    assert reloading.readings == last + 1


async def test_no_token_is_judged_before_the_list_was_read(gateway: Any) -> None:
    database = Database.from_settings(gateway.parts.settings, keyring=gateway.parts.keyring)
    unread = OwnRevocations(gateway.parts.settings, database, SigningKeys(database))
    refreshing = asyncio.create_task(unread.refresh())
    await asyncio.sleep(0)
    assert not refreshing.done()
    reloading = asyncio.create_task(unread.keep_reloading())
    await asyncio.wait_for(refreshing, WAIT_S)
    reloading.cancel()
    await asyncio.wait([reloading])
    await database.dispose()

    never_read = OwnRevocations(gateway.parts.settings, database, SigningKeys(database))
    never_read._is_failing = True
    with pytest.raises(Unavailable):
        await never_read.refresh()
