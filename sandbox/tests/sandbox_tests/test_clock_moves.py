"""The services hear that the test clock was moved, also those in which nothing happens."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from perisai_kit.db.notifications import Channel
from perisai_kit.domain import clock
from perisai_kit.testing.databases import Databases, Urls
from sandbox.clock_moves import announce_moves
from sandbox.ports import free_port

LOOK_S, ANSWER_S, WAIT_S = 0.02, 2.0, 30.0
NOVEMBER = datetime(2025, 11, 20, tzinfo=UTC)


@pytest.fixture
def urls(databases: Databases) -> Iterator[Urls]:
    empty = databases.empty()
    yield empty
    databases.drop(empty)


class Heard:
    """The notifications of one database."""

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def receive(self, *_: object) -> None:
        self.count += 1
        self._event.set()

    async def next(self) -> None:
        """Wait for one more."""
        await asyncio.wait_for(self._event.wait(), WAIT_S)
        self._event.clear()


@asynccontextmanager
async def announcing(clock_file: Path, *urls: str) -> AsyncIterator[Heard]:
    """Announce moves of the clock meanwhile; yield what the database of the last URL hears."""
    heard = Heard()
    listening = await asyncpg.connect(urls[-1])
    await listening.add_listener(Channel.PUBLISHED, heard.receive)
    announced = announce_moves(clock_file, urls, look_every_s=LOOK_S, answer_s=ANSWER_S)
    task = asyncio.create_task(announced)
    await asyncio.sleep(0)  # it reads what the clock was before
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])
        await listening.close()


async def test_each_move_of_the_clock_is_announced(urls: Urls, tmp_path: Path) -> None:
    clock_file = tmp_path / "clock.json"
    moves: list[Callable[[], None]] = [
        partial(clock.set_test_clock, clock_file, NOVEMBER),
        partial(clock.set_test_clock, clock_file, NOVEMBER.replace(month=12)),
        clock_file.unlink,
    ]

    async with announcing(clock_file, urls.app) as heard:
        for move in moves:
            move()
            await heard.next()


async def test_a_clock_that_stands_still_is_not_announced(urls: Urls, tmp_path: Path) -> None:
    clock_file = tmp_path / "clock.json"
    clock.set_test_clock(clock_file, NOVEMBER)

    async with announcing(clock_file, urls.app) as heard:
        await asyncio.sleep(10 * LOOK_S)
        clock.set_test_clock(clock_file, NOVEMBER.replace(month=12))
        await heard.next()
        await asyncio.sleep(10 * LOOK_S)

        assert heard.count == 1


async def test_an_address_as_the_services_write_it_is_used(urls: Urls, tmp_path: Path) -> None:
    clock_file = tmp_path / "clock.json"
    written = urls.app.replace("postgresql://", "postgresql+asyncpg://")

    async with announcing(clock_file, written, urls.app) as heard:
        clock.set_test_clock(clock_file, NOVEMBER)
        await heard.next()
        async with asyncio.timeout(WAIT_S):
            while heard.count < 2:
                await heard.next()


async def test_a_database_that_refuses_or_never_answers_keeps_no_other_from_hearing(
    urls: Urls, tmp_path: Path
) -> None:
    clock_file = tmp_path / "clock.json"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone, mute = (
            f"postgresql://nobody@127.0.0.1:{port}/gone"
            for port in (free_port(), silent.getsockname()[1])
        )

        async with announcing(clock_file, gone, mute, urls.app) as heard:
            for month in (11, 12):
                clock.set_test_clock(clock_file, NOVEMBER.replace(month=month))
                await heard.next()
