"""Limits of one account or one address: requests a minute, and requests at a time.

They are in the memory of one process and only keep one client from crowding out the others. The
limits on sign-ins are in the database (throttles/).
"""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from perisai_kit.domain.errors import Unavailable

WINDOW_S = 60
MOST_BUCKETS = 100_000
"""About 30 MB. The least recently used bucket is dropped first; it would be full again anyway."""
LEAST_PAUSE_S = 0.002
MOST_PAUSE_S = 0.02
"""The limits of a pause of `SpacedQueue`."""
BEGUN_A_TURN = 8
"""Requests that begin in one turn of the event loop: one at a time would cost a whole turn each."""


class RateClass(StrEnum):
    PUBLIC = "public"
    """Per address."""
    AUTH = "auth"
    """Per address; many telephones share one address of a mobile network."""
    STANDARD = "standard"
    """Per account."""
    HEAVY = "heavy"
    """Per account: expensive requests."""
    TOKENS = "tokens"
    """Per address: invalid tokens, each of which costs the check of a signature."""


PER_MINUTE: Mapping[RateClass, int] = {
    RateClass.PUBLIC: 600,
    RateClass.AUTH: 600,
    RateClass.STANDARD: 600,
    RateClass.HEAVY: 60,
    RateClass.TOKENS: 600,
}
"""Our own choices, far above what a person needs; `Settings.rate_limits` changes them."""


class Allowance(NamedTuple):
    """The state of a bucket after one request. retry_after_s: 0 if the request is allowed."""

    rate_class: RateClass
    per_minute: int
    remaining: int
    full_after_s: int
    retry_after_s: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit fields. Source: draft-ietf-httpapi-ratelimit-headers-10."""
        limit = f'"{self.rate_class}";r={self.remaining};t={self.full_after_s}'
        policy = _build_policy(self.rate_class, self.per_minute)
        return [policy, (b"ratelimit", limit.encode())]


@cache  # classes and their limits are few
def _build_policy(rate_class: RateClass, per_minute: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", f'"{rate_class}";q={per_minute};w={WINDOW_S}'.encode()


class Limiter:
    """One token bucket for each (rate class, subject), with a capacity of one minute."""

    def __init__(
        self, per_minute: Mapping[str, int] | None = None, *, most_buckets: int = MOST_BUCKETS
    ) -> None:
        """per_minute: overrides the defaults, by the name of the rate class."""
        changed = per_minute or {}
        self._per_minute = {each: changed.get(each, PER_MINUTE[each]) for each in RateClass}
        self._buckets: OrderedDict[tuple[RateClass, str], tuple[float, float]] = OrderedDict()
        self._most = most_buckets

    def take(self, rate_class: RateClass, subject: str, *, at: float) -> Allowance:
        """Count one request. at: seconds of a clock that only goes forward."""
        capacity = self._per_minute[rate_class]
        a_second = capacity / WINDOW_S
        key = (rate_class, subject)
        buckets = self._buckets
        tokens = float(capacity)
        if known := buckets.pop(key, None):
            refilled = known[0] + (at - known[1]) * a_second
            if refilled < tokens:
                tokens = refilled
        retry_after_s = 0
        if tokens >= 1:
            tokens -= 1
        else:
            retry_after_s = max(1, math.ceil((1 - tokens) / a_second))
        buckets[key] = (tokens, at)  # at the end: the first is the least recently used
        if len(buckets) > self._most:
            buckets.popitem(last=False)
        full_after_s = math.ceil((capacity - tokens) / a_second)
        return Allowance(rate_class, capacity, int(tokens), full_after_s, retry_after_s)

    def wait_s(self, rate_class: RateClass, subject: str, *, at: float) -> int:
        """Return how long a request would have to wait, without counting it."""
        a_second = self._per_minute[rate_class] / WINDOW_S
        tokens, since = self._buckets.get((rate_class, subject), (1.0, at))
        tokens += (at - since) * a_second
        return 0 if tokens >= 1 else max(1, math.ceil((1 - tokens) / a_second))

    def __len__(self) -> int:
        return len(self._buckets)


class Turns:
    """Spreads the start of requests over turns of the event loop, in order.

    Started all at once, many requests would delay answers under way and the banks.
    """

    def __init__(self, *, most: int = BEGUN_A_TURN) -> None:
        """most: the requests that begin in one turn."""
        self._most = most
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_begin(self) -> bool:
        """Tell whether a request may begin in this turn."""
        if self._waiting or self._begun >= self._most:
            return False
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._end)
        self._begun += 1
        return True

    async def begin(self) -> None:
        """Wait for a turn, in order."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _end(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._end)  # after the requests that begin now


class SpacedQueue:
    """Lets requests go on one at a time, with a pause behind each; networks take turns.

    The pause is as long as the event loop was busy with the request. So requests that come in a
    burst get at most half of the event loop, and are spread when they are repeated.
    """

    def __init__(self, *, pause_s: float = LEAST_PAUSE_S) -> None:
        """pause_s: the shortest pause."""
        self._pause_s = pause_s
        self._is_free = True
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def wait(self, network: str) -> None:
        """Wait behind the requests of the same network, and in turns with other networks."""
        if self._is_free:
            self._begin()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(network, deque()).append(turn)
        await turn

    def _begin(self) -> None:
        self._is_free = False
        asyncio.get_running_loop().call_soon(self._end, time.perf_counter())

    def _end(self, began: float) -> None:
        pause_s = min(max(time.perf_counter() - began, self._pause_s), MOST_PAUSE_S)
        asyncio.get_running_loop().call_later(pause_s, self._go_on)

    def _go_on(self) -> None:
        while self._waiting:
            network, line = self._waiting.popitem(last=False)
            turn = line.popleft()
            if line:
                self._waiting[network] = line  # at the end
            if not turn.done():
                turn.set_result(None)
                self._begin()
                return
        self._is_free = True


class TooManyAtOnce(Unavailable):
    code = "too_many_at_once"
    text = "Too many requests of this account are running. Wait for their answers."
    text_id = "Terlalu banyak permintaan akun ini yang sedang diproses. Tunggu jawabannya."


class QueueFull(Exception):
    """All slots are in use, and the queue is full or the wait was too long."""


class Slots:
    """A semaphore with a bounded queue, in order, and a bounded wait."""

    __slots__ = ("_limit", "_most_waiting", "_queue", "_wait_s", "in_use")

    def __init__(self, *, limit: int, waiting: int, wait_s: float) -> None:
        """waiting: how many may wait, each at most `wait_s`."""
        self.in_use = 0
        self._limit = limit
        self._most_waiting = waiting
        self._wait_s = wait_s
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def try_acquire(self) -> bool:
        """Take a slot if one is free; return whether it was."""
        if self.in_use >= self._limit:
            return False
        self.in_use += 1
        return True

    async def acquire(self) -> None:
        """Take a slot, which `release` gives back. Raises: QueueFull."""
        if self.try_acquire():
            return
        if len(self._queue) >= self._most_waiting:
            raise QueueFull
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # the slot came too late
                self.release()
            elif turn in self._queue:
                self._queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise QueueFull from None
            raise

    def release(self) -> None:
        """Give the slot to the first in the queue."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.in_use -= 1


class InFlight:
    """Limits the concurrent requests of one subject, so that none holds all connections."""

    def __init__(self, *, limit: int, waiting: int, wait_s: float) -> None:
        """waiting: the queue of one subject, each entry for at most `wait_s`."""
        self._limits = {"limit": limit, "waiting": waiting}
        self._wait_s = wait_s
        self._slots: dict[str, Slots] = {}

    def try_acquire(self, subject: str) -> bool:
        """Take a slot of this subject if one is free; return whether it was."""
        slots = self._slots.get(subject) or self._add_slots(subject)
        return slots.try_acquire()

    async def acquire(self, subject: str) -> None:
        """Take a slot of this subject, which `release` gives back. Raises: TooManyAtOnce."""
        slots = self._slots.get(subject) or self._add_slots(subject)
        try:
            await slots.acquire()
        except BaseException as error:
            if not slots.in_use:
                self._slots.pop(subject, None)
            if isinstance(error, QueueFull):
                raise TooManyAtOnce from None
            raise

    def release(self, subject: str) -> None:
        """Give a slot back; a subject without slots is dropped."""
        slots = self._slots[subject]
        slots.release()
        if not slots.in_use:
            del self._slots[subject]

    def _add_slots(self, subject: str) -> Slots:
        slots = self._slots[subject] = Slots(**self._limits, wait_s=self._wait_s)
        return slots

    def __len__(self) -> int:
        return len(self._slots)
