"""A moved test clock is heard of in every service of a running platform."""

import asyncio
from contextlib import AsyncExitStack

from stage.customers import AT
from stage.processes import Platform

from perisai_kit.db.notifications import Channel

WAIT_S = 60.0


async def test_every_database_is_notified_of_a_moved_clock(platform: Platform) -> None:
    heard: dict[str, asyncio.Event] = {}
    async with AsyncExitStack() as stack:
        for name in platform.described["databases"]:
            event = heard[name] = asyncio.Event()
            connection = await stack.enter_async_context(platform.database(name))
            await connection.add_listener(Channel.PUBLISHED, lambda *_, event=event: event.set())
        with platform.business_time(AT):
            async with asyncio.timeout(WAIT_S):
                for event in heard.values():
                    await event.wait()

    assert heard.keys() >= {"gateway", "agent", "member", "payment"}
