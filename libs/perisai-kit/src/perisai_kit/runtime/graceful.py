"""Stops after the current item instead of in the middle of it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

GRACE_S = 10.0
"""Time for the current item after a stop; then it is cancelled (rolled back)."""


async def finish(item: Coroutine[Any, Any, Result], *, grace_s: float = GRACE_S) -> Result:
    """Await the item. A cancellation waits for its end, for up to `grace_s`."""
    task = asyncio.ensure_future(item)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task], timeout=grace_s)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # marked as retrieved: the cancellation is raised
        raise
