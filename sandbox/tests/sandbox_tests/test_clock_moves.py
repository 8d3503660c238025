"""The services hear that the test clock was moved, also those in which nothing happens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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

LOOK_S, WAIT_S = 0.02, 30.0
NOVEMBER = datetime(2025, 11, 20, tzinfo=UTC)

Hear = Callable[[], Awaitable[None]]


@pytest.fixture
def urls(databases: Databases) -> Iterator[Urls]:
    empty = databases.empty()
    yield empty
    databases.drop(empty)


@asynccontextmanager
async def announcing(clock_file: Path, *urls: str) -> AsyncIterator[Hear]:
    """Announce moves of the clock meanwhile; yield what waits for the next notification.

    urls: the last one is that of the database whose notifications are heard.
    """
    heard = asyncio.Event()
    listening = await asyncpg.connect(urls[-1])
    await listening.add_listener(Channel.PUBLISHED, lambda *_: heard.set())
    task = asyncio.create_task(announce_moves(clock_file, urls, look_every_s=LOOK_S))
    await asyncio.sleep(0)  # it reads what the clock was before

    async def hear() -> None:
        await asyncio.wait_for(heard.wait(), WAIT_S)
        heard.clear()

    try:
        yield hear
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

    async with announcing(clock_file, urls.app) as hear:
        for move in moves:
            move()
            await hear()


async def test_a_clock_that_stands_still_is_not_announced(urls: Urls, tmp_path: Path) -> None:
    clock_file = tmp_path / "clock.json"
    clock.set_test_clock(clock_file, NOVEMBER)

    async with announcing(clock_file, urls.app) as hear:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hear(), 20 * LOOK_S)


async def test_a_database_that_does_not_answer_keeps_no_other_from_hearing(
    urls: Urls, tmp_path: Path
) -> None:
    clock_file = tmp_path / "clock.json"
    gone = f"postgresql://nobody@127.0.0.1:{free_port()}/gone"

    async with announcing(clock_file, gone, urls.app) as hear:
        for month in (11, 12):
            clock.set_test_clock(clock_file, NOVEMBER.replace(month=month))
            await hear()
