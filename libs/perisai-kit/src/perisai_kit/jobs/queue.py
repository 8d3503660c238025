"""Order jobs in a transaction, and count them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.jobs.library import Connection, make_queries

Payload: TypeAlias = Mapping[str, str | int]
"""Ids and numbers. No personal data: it is stored as it is and shown to operators."""

AT_ONCE = timedelta(0)

_COUNT = text("SELECT entrypoint, status::text AS status, count(*) FROM pgqueuer GROUP BY 1, 2")
_FORGET = text(
    """
    DELETE FROM pgqueuer_log WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM pgqueuer_log WHERE created < :before ORDER BY created LIMIT :limit
    )) RETURNING id
    """
)


@dataclass(frozen=True, slots=True)
class Job:
    """What to do. dedupe_key: while a job with it waits or runs, no other is added.

    execute_after: how long it waits, in real time.
    """

    entrypoint: str
    payload: Payload
    dedupe_key: str
    execute_after: timedelta = AT_ONCE


async def enqueue(
    session: AsyncSession,
    entrypoint: str,
    payload: Payload,
    *,
    dedupe_key: str,
    execute_after: timedelta = AT_ONCE,
) -> bool:
    """Order a job in the session's transaction.

    Return whether it was added: not while one with the same key waits or runs.
    """
    job = Job(entrypoint, payload, dedupe_key=dedupe_key, execute_after=execute_after)
    return await enqueue_all(session, [job]) == 1


async def enqueue_all(session: AsyncSession, jobs: Iterable[Job]) -> int:
    """Order jobs in the session's transaction, in one statement; return how many were added."""
    wanted = list(jobs)
    if not wanted:
        return 0
    queries = make_queries(await _driver_connection(session))
    added = await queries.enqueue(
        [job.entrypoint for job in wanted],
        [json.dumps(dict(job.payload)).encode() for job in wanted],
        [0] * len(wanted),
        [job.execute_after for job in wanted],
        [job.dedupe_key for job in wanted],
        # The library's default aborts the transaction.
        on_conflict="skip",
    )
    return sum(job_id is not None for job_id in added)


async def _driver_connection(session: AsyncSession) -> Connection:
    connection = await session.connection()
    # The driver begins a transaction with the first statement that SQLAlchemy sends; before it, the
    # queue would commit its own.
    await connection.execute(text("SELECT 1"))
    raw = await connection.get_raw_connection()
    return cast("Connection", raw.driver_connection)


async def count_jobs(session: AsyncSession) -> dict[tuple[str, str], int]:
    """Count the jobs by entrypoint and status, of which `canceled` means closed."""
    return {(name, status): count for name, status, count in await session.execute(_COUNT)}


async def forget_log(session: AsyncSession, limit: int, *, before: datetime) -> int:
    """Delete at most `limit` lines of the queue's log, the oldest first; return their number."""
    deleted = await session.scalars(_FORGET, {"before": before, "limit": limit})
    return len(deleted.all())
