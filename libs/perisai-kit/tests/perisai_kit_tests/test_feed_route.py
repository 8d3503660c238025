"""GET /feed as another service sees it."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from fastapi import FastAPI
from perisai_kit_tests.branches import publish_now

from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.testing.feeds import number_now
from perisai_kit.testing.plugin import Tokens, open_app_client


async def test_the_feed_answers_a_batch_of_cloudevents(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    await publish_now(kit_database, "B1")
    await number_now(kit_database)

    async with open_app_client(make_kit_app(), **tokens.service()) as client:
        answer = await client.get("/feed", params={"limit": 10})
        after = await client.get("/feed", params={"lastEventId": "1", "timeout": 10})

    event = answer.json()[0]
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    assert UUID(event.pop("id"))
    assert datetime.fromisoformat(event.pop("time")).tzinfo
    assert datetime.fromisoformat(event.pop("completeat")).tzinfo
    assert event == {
        "specversion": "1.0",
        "source": "perisai-kit",
        "type": "branch.opened.v1",
        "subject": "B1",
        "datacontenttype": "application/json",
        "data": {"branch_code": "B1", "region_code": "R1"},
        "position": "1",
    }
    assert after.json() == []


async def test_the_feed_answers_the_types_that_are_asked_for(
    kit_database: Database, make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    await publish_now(kit_database, "B1")
    await number_now(kit_database)

    async with open_app_client(make_kit_app(), **tokens.service()) as client:
        wanted = await client.get("/feed", params={"type": "bill.issued.v1,branch.opened.v1"})
        others = await client.get("/feed", params={"type": "bill.issued.v1"})

    assert [event["type"] for event in wanted.json()] == ["branch.opened.v1"]
    (bookmark,) = others.json()
    assert (bookmark["type"], bookmark["position"], bookmark["data"]) == ("feed.read.v1", "1", {})


@pytest.mark.parametrize(
    ("params", "status", "named"),
    [
        ({"lastEventId": "x"}, 400, "lastEventId"),
        ({"lastEventId": "-1"}, 400, "lastEventId"),
        ({"lastEventId": "9" * 19}, 400, "lastEventId"),
        ({"lastEventId": "7"}, 409, "lastEventId"),
        ({"limit": "0"}, 422, "limit"),
        ({"limit": "1001"}, 422, "limit"),
        ({"timeout": "30001"}, 422, "timeout"),
        ({"type": "branch.opened"}, 422, "type"),
        ({"type": "branch.opened.v1,"}, 422, "type"),
        ({"types": "branch.opened.v1"}, 422, "types"),
    ],
)
async def test_a_wrong_question_is_a_problem_that_names_the_parameter(
    make_kit_app: Callable[..., FastAPI],
    tokens: Tokens,
    params: dict[str, str],
    status: int,
    named: str,
) -> None:
    async with open_app_client(make_kit_app(), **tokens.service()) as client:
        answer = await client.get("/feed", params=params)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in str(answer.json()["errors"][0])


async def test_only_services_read_the_feed(
    make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    async with open_app_client(make_kit_app()) as client:
        nobody = await client.get("/feed")
        admin = await client.get("/feed", headers=tokens.make(Role.ADMIN))

    assert (nobody.status_code, admin.status_code) == (401, 403)
