"""Routes for administrators to list, replay and dismiss parked events.

The addresses contain the service, so that they are the same at the gateway and behind it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import Conflict
from perisai_kit.events import parking as parked
from perisai_kit.events import replay
from perisai_kit.events.parking import ParkedEvent, ParkedEventNotFound, ParkedStatus
from perisai_kit.events.replay import ReplayFailed
from perisai_kit.events.subscription import Subscription
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, CursorInvalid, Limit, Page, Slice, cut_page, read_cursor
from perisai_kit.http.problems import problems
from perisai_kit.http.types import LongText, Model, Out

Admin = Annotated[Principal, Depends(require(Role.ADMIN))]


class SubscriptionGone(Conflict):
    code = "subscription_gone"
    text = "This feed is no longer read here. The event can only be dismissed."
    text_id = "Feed ini sudah tidak dibaca di sini. Event hanya dapat dikesampingkan."


class ParkedEventOut(Out):
    """A parked event. `error` names the failure; `waits_behind` means that an earlier event failed.

    `attempts` includes replays.
    """

    id: UUID
    status: ParkedStatus
    subscription: str
    position: int
    event_id: UUID
    type: str
    subject: str
    error: str
    attempts: int
    occurred_at: datetime
    parked_at: datetime
    replayed_at: datetime | None
    dismissed_at: datetime | None
    dismissed_by: UUID | None
    dismissal_reason: str | None
    passed_over_at: datetime | None


class ReplayedEvents(Out):
    """How many events were applied, of one subject and in their order."""

    replayed: int


class ParkedEventDismissal(Model):
    """`reason`: for the record; no personal data."""

    reason: LongText


def get_operations_prefix(service: str) -> str:
    """Return the prefix of the operators' addresses of one service."""
    return f"/v1/operations/{service}"


async def list_parked_events(
    _: Admin,
    session: ReadSession,
    status: Annotated[ParkedStatus, Query()] = ParkedStatus.WAITING,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Slice[ParkedEvent]:
    """List the events that could not be applied, and those that wait behind them, oldest first."""
    after = read_cursor(cursor, UUID)
    found = await parked.list_parked(session, status=status, after=after, limit=limit + 1)
    return cut_page(found, limit, key=lambda event: event.id)


def build_parked_router(service: str) -> APIRouter:
    """Return the routes of parked events. service: its name, such as `member-service`."""
    router = APIRouter(
        prefix=f"{get_operations_prefix(service)}/parked-events",
        tags=[f"{service} parked events"],
        route_class=JsonRoute,
    )

    router.add_api_route(
        "",
        list_parked_events,
        response_model=Page[ParkedEventOut],
        responses=problems(CursorInvalid),
    )

    @router.post(
        "/{parked_id}/replay",
        response_model=ReplayedEvents,
        responses=problems(ParkedEventNotFound, ReplayFailed, SubscriptionGone),
    )
    async def replay_parked_event(_: Admin, parked_id: UUID, request: Request) -> dict[str, int]:
        """Apply a parked event and those of its subject that wait behind it, in their order."""
        database = request.app.state.kit.database
        subscription = await _find_subscription(request, parked_id)
        if subscription is None:
            raise SubscriptionGone
        return {"replayed": await subscription.parked.run(database, parked_id)}

    @router.post(
        "/{parked_id}/dismissal",
        response_model=ReplayedEvents,
        responses=problems(ParkedEventNotFound),
    )
    async def dismiss_parked_event(
        admin: Admin, parked_id: UUID, body: ParkedEventDismissal, request: Request
    ) -> dict[str, int]:
        """Dismiss a parked event for good, and apply the events that waited behind it."""
        database = request.app.state.kit.database
        by, reason = admin.account_id, body.reason
        subscription = await _find_subscription(request, parked_id)
        if subscription is None:
            await replay.dismiss(database, parked_id, by=by, reason=reason)
            return {"replayed": 0}
        replayed = await subscription.parked.dismiss(database, parked_id, by=by, reason=reason)
        return {"replayed": replayed}

    return router


async def _find_subscription(request: Request, parked_id: UUID) -> Subscription | None:
    """Return the subscription of a parked event, running or not, if it still exists.

    Raises: ParkedEventNotFound.
    """
    kit = request.app.state.kit
    async with kit.database.read() as session:
        name = (await parked.get_unsettled(session, parked_id)).subscription
    subscriptions: list[Subscription] = kit.subscriptions
    return next((each for each in subscriptions if each.name == name), None)
