"""Routes for administrators to list, replay and dismiss parked events.

The addresses contain the service, so that they are the same at the gateway and behind it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field

from perisai_kit.domain.errors import Conflict
from perisai_kit.events import parking as parked
from perisai_kit.events import replay
from perisai_kit.events.parking import ParkedEvent, ParkedEventNotFound, ParkedStatus
from perisai_kit.events.replay import ReplayFailed
from perisai_kit.events.subscription import Subscription
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page, Slice, cut_page, read_cursor
from perisai_kit.http.problems import problems
from perisai_kit.http.types import (
    LongText,
    Model,
    Out,
    ParkedEventId,
    RecordId,
    with_example,
)
from perisai_kit.services.operators.access import Admin, get_operations_prefix


class SubscriptionGone(Conflict):
    code = "subscription_gone"
    text = "This feed is no longer read here. The event can only be dismissed."
    text_id = "Feed ini sudah tidak dibaca di sini. Event hanya dapat dikesampingkan."


class ParkedEventOut(Out):
    """A parked event. `error` names the failure; `waits_behind` means that an earlier event failed.

    `attempts` includes replays.
    """

    id: RecordId
    status: Annotated[ParkedStatus, Field(description="Where it stands.")]
    subscription: Annotated[str, Field(description="Which feed it came from.")]
    position: Annotated[int, Field(description="Its place in that feed.")]
    event_id: Annotated[UUID, Field(description="Id of the event.")]
    type: Annotated[str, Field(description="Type of the event.")]
    subject: Annotated[
        str, Field(description="What it is about; events of one subject keep their order.")
    ]
    error: Annotated[str, Field(description="Why it could not be applied.")]
    attempts: Annotated[int, Field(description="How often it was tried.")]
    occurred_at: Annotated[datetime, Field(description="When the event happened.")]
    parked_at: Annotated[datetime, Field(description="When it was set aside.")]
    replayed_at: Annotated[datetime | None, Field(description="When it was applied after all.")]
    dismissed_at: Annotated[datetime | None, Field(description="When it was dismissed.")]
    dismissed_by: Annotated[UUID | None, Field(description="Account that dismissed it.")]
    dismissal_reason: Annotated[str | None, Field(description="Why it was dismissed.")]
    passed_over_at: Annotated[
        datetime | None, Field(description="When a newer event made it needless.")
    ]


class ReplayedEvents(Out):
    """How many events were applied, of one subject and in their order."""

    replayed: Annotated[int, Field(description="How many events were applied.")]


class ParkedEventDismissal(Model):
    """`reason`: for the record; no personal data."""

    model_config = with_example(reason="The member was registered twice and removed.")

    reason: Annotated[LongText, Field(description="Why, for the record. No personal data.")]


async def list_parked_events(
    _: Admin,
    session: ReadSession,
    status: Annotated[
        ParkedStatus, Query(description="Only events with this status.")
    ] = ParkedStatus.WAITING,
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
    )

    @router.post(
        "/{parked_id}/replay",
        response_model=ReplayedEvents,
        responses=problems(ParkedEventNotFound, ReplayFailed, SubscriptionGone),
    )
    async def replay_parked_event(
        _: Admin, parked_id: ParkedEventId, request: Request
    ) -> dict[str, int]:
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
        admin: Admin, parked_id: ParkedEventId, body: ParkedEventDismissal, request: Request
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


async def _find_subscription(request: Request, parked_id: ParkedEventId) -> Subscription | None:
    """Return the subscription of a parked event, running or not, if it still exists.

    Raises: ParkedEventNotFound.
    """
    kit = request.app.state.kit
    async with kit.database.read() as session:
        name = (await parked.get_unsettled(session, parked_id)).subscription
    subscriptions: list[Subscription] = kit.subscriptions
    return next((each for each in subscriptions if each.name == name), None)
