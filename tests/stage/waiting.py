"""Waiting for what must come soon, but at no particular moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 120.0
POLL_S = 0.2


async def until(
    met: Callable[[], Awaitable[bool]], *, patience_s: float = PATIENCE_S, poll_s: float = POLL_S
) -> bool:
    """Ask again and again until it is true; False where it never was."""
    deadline = time.monotonic() + patience_s
    while not await met():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(poll_s)
    return True
