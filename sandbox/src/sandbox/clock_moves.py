"""Wake the services of a sandbox when its test clock was moved.

A service in which nothing happens looks at the clock every ten seconds, because to wake an idle
process costs more than the look. So one process looks for all of them.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.later import import_later

if TYPE_CHECKING:
    from perisai_kit.db import notifications
else:
    notifications = import_later("perisai_kit.db.notifications")  # it loads the driver

LOOK_EVERY_S = 2.0
ANSWER_S = 5.0


async def announce_moves(
    clock_file: Path,
    urls: Sequence[str],
    *,
    look_every_s: float = LOOK_EVERY_S,
    answer_s: float = ANSWER_S,
) -> None:
    """Notify the service of each database when the clock was moved, until cancelled.

    answer_s: how long a database may take; one that takes longer hears nothing, and its sequencer
    notices the move when it looks.
    """
    seen = _read_stamp(clock_file)
    while True:
        await asyncio.sleep(look_every_s)
        if (stamp := _read_stamp(clock_file)) != seen:
            seen = stamp
            published = notifications.Channel.PUBLISHED
            notifying = [
                notifications.notify_once(url, published, timeout_s=answer_s) for url in urls
            ]
            await asyncio.gather(*notifying, return_exceptions=True)


def _read_stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
