"""What an administrator sees of parked events and does about them."""

from collections.abc import Callable

import asyncpg
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.testing.feeds import deliver
from perisai_kit.testing.plugin import Tokens, Urls, open_app_client


class Mendable:
    def __init__(self) -> None:
        self.broken = True

    async def __call__(self, session: AsyncSession, event: MemberUpdated) -> None:
        if self.broken:
            raise ValueError("no")


async def subscription_with_a_parked_event(database: Database, handler: Mendable) -> Subscription:
    source = LocalFeed(database, source="kit", signals=Signals())
    subscription = Subscription(
        name="mendable", source=source, handlers={MemberUpdated: handler}, poll_s=0
    )
    async with database.begin() as session:
        await publish(session, MemberUpdated(member_id=new_id(), changed=("phone",)))
    await deliver(subscription, to=database, source=database)
    return subscription


PATH = "/v1/operations/perisai-kit/parked-events"


async def test_an_administrator_lists_and_replays_a_mended_event(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    handler = Mendable()
    subscription = await subscription_with_a_parked_event(kit_database, handler)
    app = make_kit_app(subscriptions=[subscription])

    async with open_app_client(app, **tokens.make(Role.ADMIN)) as client:
        listed = (await client.get(PATH)).json()["items"]
        path = f"{PATH}/{listed[0]['id']}/replay"
        broken = await client.post(path)
        handler.broken = False
        mended = await client.post(path)
        gone = await client.post(path)
        status = (await client.get("/v1/status")).json()["subscriptions"]
        replayed = (await client.get(PATH, params={"status": "replayed"})).json()["items"]

    assert [(row["subscription"], row["error"]) for row in listed] == [("mendable", "ValueError")]
    assert (broken.status_code, broken.json()["code"]) == (409, "replay_failed")
    assert (mended.status_code, mended.json()) == (200, {"replayed": 1})
    assert (gone.status_code, gone.json()["code"]) == (404, "parked_event_not_found")
    assert [(each["name"], each["parked"]) for each in status] == [("mendable", 0)]
    assert [(row["status"], row["attempts"]) for row in replayed] == [("replayed", 4)]


async def test_a_dismissal_keeps_who_decided_it_and_why(
    kit_database: Database, kit_urls: Urls, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    subscription = await subscription_with_a_parked_event(kit_database, Mendable())
    app = make_kit_app(subscriptions=[subscription])
    admin = new_id()

    async with open_app_client(app, **tokens.make(Role.ADMIN, account_id=admin)) as client:
        (row,) = (await client.get(PATH)).json()["items"]
        path = f"{PATH}/{row['id']}/dismissal"
        without = [await client.post(path, json=body) for body in ({}, {"reason": "  "})]
        dismissed = await client.post(path, json={"reason": "sent twice by mistake"})
        again = await client.post(path, json={"reason": "sent twice by mistake"})
        waiting = (await client.get(PATH)).json()["items"]
        (kept,) = (await client.get(PATH, params={"status": "dismissed"})).json()["items"]

    assert [answer.status_code for answer in without] == [422, 422]
    assert (dismissed.status_code, dismissed.json()) == (200, {"replayed": 0})
    assert (again.status_code, again.json()["code"]) == (404, "parked_event_not_found")
    assert waiting == []
    assert (kept["dismissed_by"], kept["dismissal_reason"]) == (str(admin), "sent twice by mistake")
    owner = await asyncpg.connect(kit_urls.owner)
    stored = await owner.fetchval("SELECT dismissal_reason FROM parked_events")
    await owner.close()
    assert b"mistake" not in stored


async def test_an_event_of_a_subscription_that_is_no_more_can_only_be_dismissed(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    await subscription_with_a_parked_event(kit_database, Mendable())

    async with open_app_client(make_kit_app(), **tokens.make(Role.ADMIN)) as client:
        (row,) = (await client.get(PATH)).json()["items"]
        replayed = await client.post(f"{PATH}/{row['id']}/replay")
        dismissed = await client.post(f"{PATH}/{row['id']}/dismissal", json={"reason": "gone"})
        waiting = (await client.get(PATH)).json()["items"]

    assert (replayed.status_code, replayed.json()["code"]) == (409, "subscription_gone")
    assert dismissed.status_code == 200
    assert waiting == []


async def test_parked_events_are_listed_page_by_page(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    subscription = await subscription_with_a_parked_event(kit_database, Mendable())
    async with kit_database.begin() as session:
        await publish(
            session, *(MemberUpdated(member_id=new_id(), changed=("phone",)) for _ in range(4))
        )
    await deliver(subscription, to=kit_database, source=kit_database)
    positions: list[int] = []
    pages, cursor = 0, None

    async with open_app_client(make_kit_app(), **tokens.make(Role.ADMIN)) as client:
        while cursor is not None or not pages:
            params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(PATH, params=params)).json()
            positions += [row["position"] for row in page["items"]]
            pages, cursor = pages + 1, page["next_cursor"]
        odd = [await client.get(PATH, params={"cursor": each}) for each in ("x", "WyJ4Il0=")]

    assert positions == [1, 2, 3, 4, 5]
    assert pages == 3
    assert [(answer.status_code, answer.json()["code"]) for answer in odd] == [
        (422, "cursor_invalid"),
        (422, "cursor_invalid"),
    ]


async def test_nobody_else_sees_replays_or_dismisses_parked_events(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    path = f"{PATH}/{new_id()}"

    async with open_app_client(make_kit_app(), **tokens.make(Role.BRANCH_OFFICER)) as client:
        statuses = [
            (await client.get(PATH)).status_code,
            (await client.post(f"{path}/replay")).status_code,
            (await client.post(f"{path}/dismissal", json={"reason": "x"})).status_code,
        ]

    assert statuses == [403, 403, 403]
