"""What an administrator sees of parked events and does about them."""

from collections.abc import Callable

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth import Role
from perisai_kit.db import Database
from perisai_kit.events import MemberUpdated
from perisai_kit.feed import Wakeup, publish
from perisai_kit.ids import new_id
from perisai_kit.local_feed import LocalFeed
from perisai_kit.subscription import Subscription
from perisai_kit.testing import Tokens, app_client
from perisai_kit.testing_feed import deliver


class Mendable:
    def __init__(self) -> None:
        self.broken = True

    async def __call__(self, session: AsyncSession, event: MemberUpdated) -> None:
        if self.broken:
            raise ValueError("no")


async def subscription_with_a_parked_event(database: Database, handler: Mendable) -> Subscription:
    source = LocalFeed(database, source="kit", wakeup=Wakeup())
    subscription = Subscription(
        name="mendable", source=source, handlers={MemberUpdated: handler}, poll_s=0
    )
    async with database.begin() as session:
        await publish(session, MemberUpdated(member_id=new_id(), changed=("phone",)))
    await deliver(subscription, to=database, source=database)
    return subscription


async def test_an_administrator_lists_and_replays_a_mended_event(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    handler = Mendable()
    subscription = await subscription_with_a_parked_event(kit_database, handler)
    app = make_kit_app(subscriptions=[subscription])

    async with app_client(app, **tokens.make(Role.ADMIN)) as client:
        listed = (await client.get("/v1/parked-events")).json()["items"]
        path = f"/v1/parked-events/{listed[0]['id']}/replay"
        broken = await client.post(path)
        handler.broken = False
        mended = await client.post(path)
        gone = await client.post(path)
        status = (await client.get("/v1/status")).json()["subscriptions"]

    assert [(row["subscription"], row["error"]) for row in listed] == [("mendable", "ValueError")]
    assert (broken.status_code, broken.json()["code"]) == (409, "replay_failed")
    assert (mended.status_code, mended.json()) == (200, {"replayed": 1})
    assert (gone.status_code, gone.json()["code"]) == (404, "parked_event_not_found")
    assert [(each["name"], each["parked"]) for each in status] == [("mendable", 0)]


async def test_nobody_else_sees_or_replays_parked_events(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    path = f"/v1/parked-events/{new_id()}/replay"

    async with app_client(make_kit_app(), **tokens.make(Role.BRANCH_OFFICER)) as client:
        statuses = [
            (await client.get("/v1/parked-events")).status_code,
            (await client.post(path)).status_code,
        ]

    assert statuses == [403, 403]
