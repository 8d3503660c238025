"""A service's own feed for its own subscriptions."""

from collections.abc import Mapping
from typing import Any

from perisai_kit.db import Database
from perisai_kit.feed_reader import FeedReader, parse_last_event_id
from perisai_kit.wakeup import Wakeup


class LocalFeed:
    """Answers as `GET /feed` would, without the way over HTTP: the `source` of a subscription."""

    def __init__(self, database: Database, *, source: str, wakeup: Wakeup) -> None:
        self._reader = FeedReader(database, source=source, wakeup=wakeup)

    async def get(
        self, path: str, params: Mapping[str, str | int], *, timeout_s: float | None = None
    ) -> Any:
        """Return the batch as a reader over HTTP would get it."""
        return await self._reader.read(
            parse_last_event_id(str(params["lastEventId"])),
            limit=int(params["limit"]),
            timeout_s=int(params["timeout"]) / 1000,
        )
