import asyncio
from collections.abc import Awaitable, Callable

import pytest

from perisai_kit.runtime.short_cache import ShortCache


def counting() -> Callable[[], Awaitable[int]]:
    """Return a maker of 1, 2, 3 …, each made while other tasks run."""
    made = 0

    async def make() -> int:
        nonlocal made
        made += 1
        number = made
        await asyncio.sleep(0)
        return number

    return make


async def test_a_value_is_made_once_for_all_who_ask_at_once_or_soon_after() -> None:
    cache, make = ShortCache[int](600), counting()

    at_once = await asyncio.gather(*(cache.get("key", make) for _ in range(5)))

    assert (at_once, await cache.get("key", make)) == ([1] * 5, 1)
    assert await cache.get("other key", make) == 2


async def test_an_old_value_is_made_anew_and_what_nobody_asks_for_is_dropped() -> None:
    cache, make = ShortCache[int](0), counting()

    assert [await cache.get("key", make) for _ in range(3)] == [1, 2, 3]
    for day in range(100):
        await cache.get(day, make)

    assert len(cache) == 1


async def test_a_failure_is_not_kept() -> None:
    cache, make = ShortCache[int](600), counting()

    async def fail() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await cache.get("key", fail)

    assert await cache.get("key", make) == 1
