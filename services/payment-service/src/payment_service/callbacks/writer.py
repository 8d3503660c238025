"""Group commit: where payment flags enter the books (docs/adr/0012-group-commit.md).

What waits is booked as one batch in one durable transaction, and is answered after its commit. A
flag waits for others only after a batch of several: until as many have come, and 20 ms at most.
Inquiries have a writer of their own, so none waits behind the locks of payments. One statement of
theirs writes, so each statement is a transaction.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Generic

import structlog
from prometheus_client import Counter, Gauge, Histogram

from payment_service.callbacks.reporting import report_outcome
from payment_service.callbacks.schemas import FindHeld, Kept, Outcome, TakeMany
from perisai_kit.db.direct import Direct
from perisai_kit.db.engine import Database
from perisai_kit.db.outage import is_outage
from perisai_kit.db.sql import Executor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.plain_metrics import PlainHistogram
from snap_bi.answers import Answer
from snap_bi.codes import Service

MAX_BATCH = 128
"""Larger ones gain little more, and each of them keeps all the others waiting."""
GATHER_S = 0.02
"""After a batch of several, the next one begins at most so many seconds after its answers. More
than half of what a batch of three takes is its round trips, its commit and waking up for it."""
GATHERED = 16
"""It begins at once when so many wait, or as many as that batch had and left behind: a bank with
few connections sends nothing more before it has its answers."""
MAX_WAITING = 10_000
"""Who comes behind so many could not be answered in time."""
BEGIN_WITHIN_S = BOOK_WITHIN_S = 4.0
"""In the queue, and in a batch with all its attempts: together less than the ten seconds that the
most hurried bank known waits. Source: docs/snap.md, Timeouts and retries."""
PAUSES_S = (0.0, 0.1, 0.2, 0.5, 1.0, 1.0)
"""Before each new attempt while PostgreSQL is away: a restart takes a second or two."""
COLLISION_ATTEMPTS = 3
HELD_PAUSE_S = 0.1
"""Before it is looked again whether bills that somebody holds are free."""

DEADLOCKED, UNSERIALIZABLE, TAKEN, LOCKED = "40P01", "40001", "23505", "55P03"
COLLISIONS = frozenset({DEADLOCKED, UNSERIALIZABLE, TAKEN})
"""What passes when it is tried again: another writer had put a row there first, say."""

CONNECTION = {
    "application_name": "perisai-callbacks",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # Neither a bill that somebody holds nor a process that froze may keep all the others waiting.
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_timeout": "10s",
    "client_connection_check_interval": "1s",
}

GENERIC_PLANS = {"plan_cache_mode": "force_generic_plan"}
"""Every look-up is by key, so one plan is good for all batches."""

batch_sizes = Histogram(
    "snap_batch_size",
    "Messages stored in one transaction.",
    ["service"],
    buckets=(1, 2, 4, 8, 16, 32, 64, MAX_BATCH),
)
queue_length = Gauge("snap_queue_length", "Messages that wait for their batch.", ["service"])
commit_seconds = PlainHistogram(
    "snap_commit_seconds",
    "Seconds from a message's place in the queue to its commit.",
    ["service"],
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
undone_total = Counter(
    "snap_batches_undone_total", "Attempts to store a batch that failed.", ["service", "reason"]
)
log = get_logger()


class InDoubt(Exception):
    """It is not known whether the flag was booked; the answer to a repeat will show it."""


@dataclass(slots=True, eq=False)
class Waiting(Generic[Kept]):
    """A message in the queue, and who waits for its answer."""

    message: Kept
    answer: asyncio.Future[Answer]
    since: float = field(default_factory=time.monotonic)

    def give_up(self) -> None:
        """Answer in doubt, unless there is an answer."""
        if not self.answer.done():
            self.answer.set_exception(InDoubt())


class Writer(Generic[Kept]):
    """One an app and service. Its task lives while there is something to book.

    It has a connection of its own.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        take_many: TakeMany[Kept],
        *,
        service: Service,
        find_held: FindHeld[Kept] | None = None,
        generic_plans: bool = True,
        begin_within_s: float = BEGIN_WITHIN_S,
        gather_s: float = GATHER_S,
    ) -> None:
        """Make a writer. begin_within_s: how long a message may stand in the queue.

        gather_s: see GATHER_S.
        take_many: stores a batch and returns the outcomes in its order; payments in one open
        transaction. find_held: asked only after a batch has waited too long for a lock.
        """
        self._service = service
        self._begin_within_s = begin_within_s
        self._take_many = take_many
        self._find_held = find_held
        self._undone = partial(undone_total.labels, service.value)
        self._batch_sizes = batch_sizes.labels(service.value)
        self._commit_seconds = commit_seconds.labels(service.value)
        settings = CONNECTION | (GENERIC_PLANS if generic_plans else {})
        self._direct = Direct(database, settings, publishes=service is Service.PAYMENT)
        self._keyring = keyring
        self._queue: deque[Waiting[Kept]] = deque()
        queue_length.labels(service.value).set_function(self._queue.__len__)
        self._task: asyncio.Task[None] | None = None
        self._gather_s = gather_s
        self._gathers_until = 0.0
        self._expected = GATHERED
        self._has_gathered = asyncio.Event()

    async def take(self, message: Kept) -> Answer:
        """Return the answer to a message once it is committed.

        Raises: InDoubt.
        """
        if len(self._queue) >= MAX_WAITING:
            raise InDoubt("the queue is full")
        waiting = Waiting(message, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if len(self._queue) >= self._expected:
            self._has_gathered.set()
        if self._task is None:
            self._task = asyncio.create_task(self._book_queue(), context=_no_request())
        return await waiting.answer

    async def close(self) -> None:
        """Book what waits, and let the connection go."""
        if (task := self._task) is not None:
            await asyncio.wait([task], timeout=2 * BOOK_WITHIN_S)
            task.cancel()
        await self._direct.close()

    async def _book_queue(self) -> None:
        try:
            while self._queue:
                await self._gather()
                if batch := self._next_batch():
                    await self._answer(batch)
                    gather_s = self._gather_s if len(batch) > 1 else 0.0
                    self._gathers_until = time.monotonic() + gather_s
                    self._expected = min(GATHERED, len(batch) + len(self._queue))
            self._direct.rest()
        finally:
            self._task = None

    async def _gather(self) -> None:
        """Wait for others, if several came last time, until as many have come."""
        self._has_gathered.clear()
        left_s = self._gathers_until - time.monotonic()
        if left_s > 0 and len(self._queue) < self._expected:
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._has_gathered.wait()

    def _next_batch(self) -> list[Waiting[Kept]]:
        batch: list[Waiting[Kept]] = []
        oldest = time.monotonic() - self._begin_within_s
        while self._queue and len(batch) < MAX_BATCH:
            waiting = self._queue.popleft()
            if waiting.since < oldest:
                waiting.give_up()
            else:
                batch.append(waiting)
        return batch

    async def _answer(self, batch: Sequence[Waiting[Kept]]) -> None:
        """Book a batch; where it cannot be booked, find the flag at fault, to nobody's harm."""
        try:
            async with asyncio.timeout(BOOK_WITHIN_S):
                failure = await self._try_to_answer(batch)
                if failure is not None and len(batch) > 1:
                    if _state(failure) == LOCKED and self._find_held is not None:
                        await self._answer_as_freed(batch, self._find_held)
                    else:
                        await self._answer_singly(batch)
        except Exception as error:
            log.error("callback.batch_failed", count=len(batch), exc_info=error)
        for waiting in batch:
            waiting.give_up()

    async def _answer_singly(self, batch: Sequence[Waiting[Kept]]) -> None:
        for waiting in batch:
            await self._try_to_answer([waiting], again=True)

    async def _answer_as_freed(
        self, batch: Sequence[Waiting[Kept]], find_held: FindHeld[Kept]
    ) -> None:
        """Book the flags whose bills nobody holds, at once, and the others when that is over.

        So a bill that somebody holds keeps no flag of another bill from being booked in time.
        """
        held = await self._answer_free(batch, find_held)
        while held:
            await asyncio.sleep(HELD_PAUSE_S)
            held = await self._answer_free(held, find_held)

    async def _answer_free(
        self, batch: Sequence[Waiting[Kept]], find_held: FindHeld[Kept]
    ) -> list[Waiting[Kept]]:
        """Book the flags whose bills can be locked without waiting, and return the others."""
        free, held = list(batch), list[Waiting[Kept]]()
        try:
            async with self._open() as run:
                ids = await find_held(run, [each.message for each in batch])
                free = [each for each in batch if each.message.signed.id not in ids]
                held = [each for each in batch if each.message.signed.id in ids]
                messages = [each.message for each in free]
                taken = (
                    await self._take_many(run, self._keyring, messages, again=True) if free else []
                )
        except Exception as error:
            if _is_away(error):
                raise
            log.error("callback.booking_failed", count=len(free), exc_info=error)
            await self._answer_singly(free)
        else:
            if free:
                self._tell(free, taken)
        return held

    async def _try_to_answer(
        self, batch: Sequence[Waiting[Kept]], *, again: bool = False
    ) -> Exception | None:
        """Book a batch and answer it, or return why it could not be booked."""
        try:
            outcomes = await self._book([waiting.message for waiting in batch], again=again)
        except Exception as error:
            if _is_away(error):
                raise
            log.error("callback.booking_failed", count=len(batch), exc_info=error)
            return error
        self._tell(batch, outcomes)
        return None

    async def _book(self, messages: Sequence[Kept], *, again: bool) -> list[Outcome]:
        for attempt, pause_s in enumerate(PAUSES_S, start=1):
            try:
                return await self._attempt(messages, again=again or attempt > 1)
            except Exception as error:
                if not self._passes(error, attempt):
                    raise
            await asyncio.sleep(pause_s)
        return await self._attempt(messages, again=True)

    async def _attempt(self, messages: Sequence[Kept], *, again: bool) -> list[Outcome]:
        async with self._open() as run:
            return await self._take_many(run, self._keyring, messages, again=again)

    def _open(self) -> AbstractAsyncContextManager[Executor]:
        if self._service is Service.INQUIRY:
            return self._direct.autocommit()
        return self._direct.begin(another=lambda: bool(self._queue))

    def _tell(self, batch: Sequence[Waiting[Kept]], outcomes: Sequence[Outcome]) -> None:
        now = time.monotonic()
        self._batch_sizes.observe(len(batch))
        for waiting, outcome in zip(batch, outcomes, strict=True):
            self._commit_seconds.observe(now - waiting.since)
            if not waiting.answer.done():
                waiting.answer.set_result(outcome.answer)
            report_outcome(waiting.message.signed, outcome)

    def _passes(self, error: Exception, attempt: int) -> bool:
        """Tell whether another attempt may fare better."""
        state = _state(error)
        self._undone(state or type(error).__name__).inc()
        log.warning("callback.batch_undone", state=state, attempt=attempt)
        if state in COLLISIONS:
            return attempt < COLLISION_ATTEMPTS
        return _is_away(error)


def _is_away(error: Exception) -> bool:
    """Tell whether PostgreSQL could not be asked, so that others would fare no better."""
    return is_outage(error) and _state(error) not in COLLISIONS | {LOCKED}


def _state(error: Exception) -> str | None:
    state = getattr(error, "sqlstate", None) or getattr(
        getattr(error, "orig", None), "sqlstate", None
    )
    return state if isinstance(state, str) else None


def _no_request() -> Context:
    # The task works for many requests: its lines must not bear the id of the one that woke it.
    context = copy_context()
    context.run(structlog.contextvars.unbind_contextvars, "request_id")
    return context
