"""NOTIFY and LISTEN: processes that share a database tell each other that there is work.

A notification only saves waiting for a poll: it may be lost, and carries nothing. It is sent in
autocommit, on a connection of its own and never in a transaction of the service, because at its
commit NOTIFY takes a lock of the whole server. The connection of a process goes to PostgreSQL's own
address, because behind a pool in transaction mode a LISTEN has no session to belong to.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from perisai_kit.db.connections import to_plain_url

TIMEOUT_S = 30
"""A server that disappeared must not block a process for ever."""

Receive = Callable[[], None]


class Channel(StrEnum):
    """What a notification says. Each database has channels of its own."""

    PUBLISHED = "perisai_published"
    NUMBERED = "perisai_numbered"


async def notify_once(url: str, channel: Channel, *, timeout_s: float = TIMEOUT_S) -> None:
    """Send one notification over a connection of its own, which may go through a pool.

    Raises: the error of an outage.
    """
    async with asyncio.timeout(timeout_s):
        connection = await asyncpg.connect(to_plain_url(url))
        try:
            await connection.execute(f"NOTIFY {channel}")
        finally:
            connection.terminate()


class Channels:
    """The channels of one autocommit connection."""

    def __init__(self, driver: Any) -> None:
        """driver: asyncpg's own connection."""
        self._driver = driver
        self._callbacks: dict[Channel, Callable[..., None]] = {}

    @classmethod
    async def open(cls, connection: AsyncConnection, *, on_end: Receive) -> Self:
        """Return the channels of a connection. on_end: called when the connection has ended."""
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None, "the connection is open"
        raw.driver_connection.add_termination_listener(lambda _: on_end())
        return cls(raw.driver_connection)

    async def listen(self, channel: Channel, receive: Receive) -> None:
        """Call `receive` for each notification from now on."""

        def callback(*_: object) -> None:
            receive()

        self._callbacks[channel] = callback
        async with asyncio.timeout(TIMEOUT_S):
            await self._driver.add_listener(channel, callback)

    async def stop_listening(self, channel: Channel) -> None:
        """Receive no more notifications of the channel."""
        async with asyncio.timeout(TIMEOUT_S):
            await self._driver.remove_listener(channel, self._callbacks.pop(channel))

    async def notify(self, channel: Channel) -> None:
        """Send one notification.

        Both commands are one transaction. It need not survive a crash, so it does not wait for the
        disk.
        """
        async with asyncio.timeout(TIMEOUT_S):
            await self._driver.execute(f"SET LOCAL synchronous_commit = off; NOTIFY {channel}")

    async def check(self) -> None:
        """Raise the error of a connection that no longer works."""
        async with asyncio.timeout(TIMEOUT_S):
            await self._driver.execute("SELECT 1")
