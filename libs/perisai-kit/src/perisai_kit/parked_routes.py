"""What an administrator may see of parked events and do about them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from perisai_kit import parked
from perisai_kit.auth import Principal, Role, require
from perisai_kit.db import ReadSession
from perisai_kit.fields import Out, PageLimit
from perisai_kit.problems import problems
from perisai_kit.subscription import ReplayFailed

Admin = Annotated[Principal, Depends(require(Role.ADMIN))]


class ParkedEventOut(Out):
    """`error` names the failure; `waits_behind` is fine itself but follows one that failed."""

    id: UUID
    subscription: str
    position: int
    event_id: UUID
    type: str
    subject: str
    error: str
    attempts: int
    occurred_at: datetime
    parked_at: datetime


class ParkedEventsOut(Out):
    items: list[ParkedEventOut]


class Replayed(Out):
    replayed: int


def parked_router() -> APIRouter:
    """Return the routes of parked events."""
    router = APIRouter(prefix="/v1/parked-events", tags=["parked-events"])

    @router.get("", response_model=ParkedEventsOut)
    async def list_parked(
        _: Admin, session: ReadSession, limit: Annotated[PageLimit, Query()] = 50
    ) -> dict[str, Any]:
        """List the events that could not be applied, and those behind them, oldest first."""
        return {"items": await parked.list_waiting(session, limit=limit)}

    @router.post(
        "/{parked_id}/replay",
        response_model=Replayed,
        responses=problems(parked.ParkedEventNotFound, ReplayFailed),
    )
    async def replay(_: Admin, parked_id: UUID, request: Request) -> dict[str, int]:
        """Apply a parked event and those of its subject that wait behind it, in their order."""
        kit = request.app.state.kit
        async with kit.database.read() as session:
            name = (await parked.get_waiting(session, parked_id)).subscription
        for subscription in kit.subscriptions:
            if subscription.name == name:
                return {"replayed": await subscription.replay(kit.database, parked_id)}
        raise parked.ParkedEventNotFound

    return router
