"""Jobs that failed as often as they may: kept until somebody lets them run again or closes them.

A closed job stays in the queue with the library's status `canceled`, which no worker takes, so that
it can still be tried again, and is not ordered anew meanwhile.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.domain import clock
from perisai_kit.domain.errors import Conflict, NotFound
from perisai_kit.domain.ids import new_id
from perisai_kit.jobs.models import JobClosing
from perisai_kit.jobs.queue import Payload
from perisai_kit.runtime.log import get_logger

log = get_logger()


class FailedJobStatus(StrEnum):
    """failed: waits for somebody. closed: somebody decided that it is not tried again."""

    FAILED = "failed"
    CLOSED = "closed"


STORED = {FailedJobStatus.FAILED: "failed", FailedJobStatus.CLOSED: "canceled"}
"""Their names in the queue."""


class FailedJobNotFound(NotFound):
    code = "failed_job_not_found"
    text = "There is no such failed job, or it was already tried again or closed."
    text_id = "Pekerjaan gagal ini tidak ada, atau sudah dicoba lagi atau ditutup."


class FailedJobReplaced(Conflict):
    code = "failed_job_replaced"
    text = "A newer job for the same work is waiting or running. Close this one."
    text_id = "Pekerjaan baru untuk hal yang sama sudah menunggu atau berjalan. Tutup yang ini."


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that failed for good.

    ids: the objects it is about, by name; the rest of its payload stays here. attempts: how often
    it was tried. error: the class of its last error, as long as the log of the queue has it.
    closing: None unless it is closed.
    """

    id: int
    status: FailedJobStatus
    entrypoint: str
    ids: Mapping[str, UUID]
    error: str | None
    attempts: int
    created_at: datetime
    failed_at: datetime
    closing: JobClosing | None


# Of other errors than ours the log has the text, which may name persons.
_LIST = text(
    """
    SELECT job.id, job.entrypoint, job.payload, job.attempts + 1 AS attempts, job.created,
        job.updated, logged.error
    FROM pgqueuer AS job
    LEFT JOIN LATERAL (
        SELECT traceback ->> 'exception_message' AS error FROM pgqueuer_log
        WHERE job_id = job.id AND traceback ->> 'exception_type' = 'JobFailed'
        ORDER BY created DESC, id DESC LIMIT 1
    ) AS logged ON true
    WHERE job.status::text = :status AND job.id > :after ORDER BY job.id LIMIT :limit
    """
)
_GIVEN_UP_KEYS = text(
    "SELECT dedupe_key FROM pgqueuer"
    " WHERE status IN ('failed', 'canceled') AND dedupe_key = ANY (:keys)"
)
_FIND = text(
    "SELECT entrypoint FROM pgqueuer WHERE id = :id AND status IN ('failed', 'canceled') FOR UPDATE"
)
_RETRY = text(
    """
    UPDATE pgqueuer SET status = 'queued', execute_after = now(), attempts = 0, updated = now()
    WHERE id = :id AND NOT EXISTS (
        SELECT FROM pgqueuer AS other WHERE other.dedupe_key = pgqueuer.dedupe_key
            AND other.status IN ('queued', 'picked')
    )
    RETURNING id
    """
)
_CLOSE = text(
    "UPDATE pgqueuer SET status = 'canceled' WHERE id = :id AND status = 'failed'"
    " RETURNING entrypoint"
)


async def list_failed(
    session: AsyncSession,
    *,
    status: FailedJobStatus = FailedJobStatus.FAILED,
    after: int = 0,
    limit: int = 100,
) -> Sequence[FailedJob]:
    """List jobs that failed for good, the first ordered first. after: the last id of a page."""
    asked = {"status": STORED[status], "after": after, "limit": limit}
    rows = (await session.execute(_LIST, asked)).all()
    ids = [row.id for row in rows] if status is FailedJobStatus.CLOSED else []
    found = await session.scalars(
        select(JobClosing).where(JobClosing.job_id.in_(ids)).order_by(JobClosing.id)
    )
    closings = {each.job_id: each for each in found}
    return [_make(row, status, closings.get(row.id)) for row in rows]


async def find_given_up_keys(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    """Return those of these keys that have a job which failed for good, closed or not."""
    return set(await session.scalars(_GIVEN_UP_KEYS, {"keys": list(keys)}))


async def retry(session: AsyncSession, job_id: int) -> None:
    """Let a failed job run again, also one that is closed.

    Raises: FailedJobNotFound, FailedJobReplaced.
    """
    entrypoint = await session.scalar(_FIND, {"id": job_id})
    if entrypoint is None:
        raise FailedJobNotFound
    try:
        async with session.begin_nested():
            is_queued = await session.scalar(_RETRY, {"id": job_id}) is not None
    except IntegrityError:
        # Another transaction ordered one of its key at the same time.
        raise FailedJobReplaced from None
    if not is_queued:
        raise FailedJobReplaced
    log.info("job.requeued", job_id=job_id, entrypoint=entrypoint)


async def close(session: AsyncSession, job_id: int, *, by: UUID, reason: str) -> None:
    """Decide that a failed job is not tried again. Raises: FailedJobNotFound."""
    entrypoint = await session.scalar(_CLOSE, {"id": job_id})
    if entrypoint is None:
        raise FailedJobNotFound
    closing = JobClosing(
        id=new_id(), job_id=job_id, entrypoint=entrypoint, closed_by=by, closed_at=clock.real_now()
    )
    closing.reason = reason
    session.add(closing)
    await session.flush()
    log.info("job.closed", job_id=job_id, entrypoint=entrypoint)


def choose_ids(payload: Payload) -> dict[str, UUID]:
    """Return the ids of a payload, which alone may be shown, by name."""
    found = {}
    for name, value in payload.items():
        if name.endswith("_id"):
            try:
                found[name] = UUID(str(value))
            except ValueError:
                continue
    return found


def _make(
    row: Row[int, str, bytes, int, datetime, datetime, str | None],
    status: FailedJobStatus,
    closing: JobClosing | None,
) -> FailedJob:
    return FailedJob(
        id=row.id,
        status=status,
        entrypoint=row.entrypoint,
        ids=choose_ids(json.loads(row.payload or b"{}")),
        error=row.error,
        attempts=row.attempts,
        created_at=row.created,
        failed_at=row.updated,
        closing=closing,
    )
