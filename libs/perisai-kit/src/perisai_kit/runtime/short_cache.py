"""Values that are expensive to make, kept for a short time and made once for many requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry(Generic[Value]):
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    made: tuple[float, Value] | None = None


class ShortCache(Generic[Value]):
    """Values by key. Requests for a value that is being made wait for it, and get the same."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._entries: dict[Hashable, _Entry[Value]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Value]]) -> Value:
        """Return the value of a key, made now if there is none or it is too old.

        An exception of `make` is raised to this request only; the next one tries again.
        """
        entry = self._entries.get(key)
        if entry is None:
            self._drop_old()
            entry = self._entries[key] = _Entry()
        async with entry.lock:
            if entry.made is None or self._is_old(entry.made[0]):
                value = await make()
                entry.made = (time.monotonic(), value)
            return entry.made[1]

    def __len__(self) -> int:
        return len(self._entries)

    def _drop_old(self) -> None:
        for key, entry in list(self._entries.items()):
            if not entry.lock.locked() and (entry.made is None or self._is_old(entry.made[0])):
                del self._entries[key]

    def _is_old(self, made_at: float) -> bool:
        return time.monotonic() - made_at >= self._ttl_s
