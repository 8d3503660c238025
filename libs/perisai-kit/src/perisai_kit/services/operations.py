"""Routes for operators: health, readiness, metrics, status."""

import time
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from perisai_kit.auth.roles import require
from perisai_kit.db.partitions.watch import read_status
from perisai_kit.domain import clock
from perisai_kit.events.subscription import read_figures
from perisai_kit.services.kit import Kit
from perisai_kit.services.processes import find_needed

READY_CACHED_S = 1.0
_find_needed = cache(find_needed)


router = APIRouter(include_in_schema=False)
"""Routes of every service, outside of the documented API."""


@router.get("/health")
async def _health() -> dict[str, str]:
    """Answer that the process runs."""
    return {"status": "ok"}


@router.get("/ready")
async def _ready(request: Request) -> Response:
    """Answer whether this process can serve; public, so without details."""
    state = request.app.state
    checked_at, is_ready = getattr(state, "ready", (float("-inf"), False))
    if time.monotonic() - checked_at > READY_CACHED_S:
        is_ready = all((await check_readiness(state.kit)).values())
        state.ready = time.monotonic(), is_ready
    return JSONResponse({"ready": is_ready}, status_code=200 if is_ready else 503)


@router.get("/ready/details")
async def _ready_details(request: Request) -> dict[str, bool]:
    """Answer whether the database, the migrations and the keys are ready."""
    return await check_readiness(request.app.state.kit)


@router.get("/metrics")
async def _metrics() -> Response:
    """Return the metrics for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/status", dependencies=[Depends(require())])
async def _status(request: Request) -> dict[str, Any]:
    """Return the version, the business time, the lag of each subscription, and the partitions."""
    kit: Kit = request.app.state.kit
    async with kit.database.read() as session:
        figures = await read_figures(session, [each.name for each in kit.subscriptions])
    return {
        "service": kit.settings.service,
        "version": version(kit.settings.service),
        "time": clock.now().isoformat(),
        "subscriptions": figures,
        "partitions": [asdict(each) for each in await read_status(kit.database, kit.partitioned)],
    }


async def check_readiness(kit: Kit) -> dict[str, bool]:
    """Check the database, the migrations and the keys, but no other service.

    A newer migration works with this version, too: processes are replaced after it.
    """
    needed = _find_needed(kit.migrations)
    try:
        async with kit.database.read() as session:
            current = await session.scalar(text("SELECT version_num FROM alembic_version"))
        database = True
    except (SQLAlchemyError, OSError):
        current, database = None, False
    return {
        "database": database,
        "migrations": current is not None and current >= needed,
        "keys": kit.authenticator.keys.loaded,
    }
