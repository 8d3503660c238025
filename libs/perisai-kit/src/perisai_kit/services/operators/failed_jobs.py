"""Routes for administrators to list failed jobs, try them again and close them.

The addresses contain the service, so that they are the same at the gateway and behind it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import (
    MAX_BIGINT,
    Cursor,
    Limit,
    Page,
    cut_page,
    parse_bigint,
    read_cursor,
)
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import LongText, Model, Out, with_example
from perisai_kit.jobs import failures
from perisai_kit.jobs.failures import (
    FailedJob,
    FailedJobNotFound,
    FailedJobReplaced,
    FailedJobStatus,
)
from perisai_kit.services.operators.access import Admin, get_operations_prefix

JobId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="Number of the job.")]


class FailedJobOut(Out):
    """A job that failed as often as it may. Of its payload only ids are shown."""

    id: Annotated[int, Field(description="Number of the job.")]
    status: Annotated[FailedJobStatus, Field(description="Where it stands.")]
    entrypoint: Annotated[str, Field(description="What it does, such as `payout.send`.")]
    ids: Annotated[
        dict[str, UUID], Field(description="Ids of what it is about, such as `transfer_id`.")
    ]
    error: Annotated[
        str | None,
        Field(description="Class of its last error; left out when the log is too old."),
    ]
    attempts: Annotated[int, Field(description="How often it was tried.")]
    created_at: Annotated[datetime, Field(description="When it was ordered.")]
    failed_at: Annotated[datetime, Field(description="When it failed for the last time.")]
    closed_at: Annotated[datetime | None, Field(description="When it was closed.")]
    closed_by: Annotated[UUID | None, Field(description="Account that closed it.")]
    closing_reason: Annotated[str | None, Field(description="Why it was closed.")]


class FailedJobClosing(Model):
    """`reason`: for the record; no personal data."""

    model_config = with_example(reason="The transfer was settled by a decision of two officers.")

    reason: Annotated[LongText, Field(description="Why, for the record. No personal data.")]


def build_jobs_router(service: str) -> APIRouter:
    """Return the routes of failed jobs. service: its name, such as `payment-service`."""
    router = APIRouter(
        prefix=f"{get_operations_prefix(service)}/failed-jobs",
        tags=[f"{service} failed jobs"],
        route_class=TransactionRoute,
    )
    router.add_api_route("", list_failed_jobs)
    router.add_api_route(
        "/{job_id}/retry",
        retry_failed_job,
        methods=["POST"],
        status_code=204,
        responses=problems(FailedJobNotFound, FailedJobReplaced),
    )
    router.add_api_route(
        "/{job_id}/closing",
        close_failed_job,
        methods=["POST"],
        status_code=204,
        responses=problems(FailedJobNotFound),
    )
    return router


async def list_failed_jobs(
    _: Admin,
    session: ReadSession,
    status: Annotated[
        FailedJobStatus, Query(description="Only jobs with this status.")
    ] = FailedJobStatus.FAILED,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[FailedJobOut]:
    """List the jobs that failed as often as they may, the first ordered first."""
    after = read_cursor(cursor, parse_bigint) or 0
    found = await failures.list_failed(session, status=status, after=after, limit=limit + 1)
    return cut_page(found, limit, key=lambda job: job.id).page(_job_out)


async def retry_failed_job(_: Admin, job_id: JobId, session: Session) -> Response:
    """Let a failed job run again, with as many attempts as a new one. A closed one too."""
    await failures.retry(session, job_id)
    return Response(status_code=204)


async def close_failed_job(
    admin: Admin, job_id: JobId, body: FailedJobClosing, session: Session
) -> Response:
    """Close a failed job: it is not tried again, and no other is ordered for the same work."""
    await failures.close(session, job_id, by=admin.account_id, reason=body.reason)
    return Response(status_code=204)


def _job_out(job: FailedJob) -> FailedJobOut:
    closing = job.closing
    return FailedJobOut(
        id=job.id,
        status=job.status,
        entrypoint=job.entrypoint,
        ids=dict(job.ids),
        error=job.error,
        attempts=job.attempts,
        created_at=job.created_at,
        failed_at=job.failed_at,
        closed_at=closing.closed_at if closing else None,
        closed_by=closing.closed_by if closing else None,
        closing_reason=closing.reason if closing else None,
    )
