"""The addresses of a host name, resolved in one task at a time and cached.

The event loop has few threads for DNS and a look-up cannot be cancelled, so a slow name must not
delay those of other upstreams.
"""

import asyncio
import socket
from ipaddress import ip_address

REMEMBERED_S = 30.0
"""After this time a look-up runs in the background; the last answer is used meanwhile."""


class Names:
    """The addresses of one host."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._found: list[str] = [host] if _is_address(host) else []
        self._is_fixed = bool(self._found)
        self._found_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def resolve(self) -> list[str]:
        """Return the addresses, in the order in which to try them. Raises: OSError."""
        loop = asyncio.get_running_loop()
        if self._is_fixed:
            return self._found
        if self._looking is None and loop.time() - self._found_at > REMEMBERED_S:
            self._looking = loop.create_task(self._look_up())
            self._looking.add_done_callback(self._forget_look_up)
        if not self._found and self._looking is not None:
            await asyncio.shield(self._looking)
        return self._found

    async def _look_up(self) -> None:
        loop = asyncio.get_running_loop()
        rows = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        self._found_at = loop.time()

    def _forget_look_up(self, look: asyncio.Task[None]) -> None:
        self._looking = None
        if not look.cancelled():
            look.exception()  # waiters get it; without any, the last answer is used


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
