from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from agent_service.activity.queries import count_by_month
from agent_service.activity.rules import Counts
from agent_service.worker import subscriptions
from perisai_kit.auth import Role
from perisai_kit.client import ServiceClient, TokenSource
from perisai_kit.db import Database
from perisai_kit.ids import new_id
from perisai_kit.month import Month
from perisai_kit.pii import Keyring
from perisai_kit.testing import BusinessTime, Urls, Wire

if TYPE_CHECKING:
    from conftest import World

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def test_an_agent_who_did_nothing_for_three_months_counts_as_inactive(
    world: World, business_time: BusinessTime
) -> None:
    business_time.at(datetime(2026, 8, 1, 3, 0, tzinfo=UTC))
    agent = await world.agent()
    business_time.at(NOW)

    activity = (await world.get(f"agents/{agent['id']}/activity", by=world.officer)).json()

    assert [each["month"] for each in activity["months"]][-2:] == ["2026-10", "2026-11"]
    assert len(activity["months"]) == 12
    assert activity["verdict"] == {
        "window": ["2026-08", "2026-09", "2026-10"],
        "lacking": "both",
        "complete": True,
        "no_acquisition": True,
        "no_contribution": True,
        "inactive": True,
    }


async def test_a_new_agent_does_not(world: World) -> None:
    agent = await world.agent()

    answer = await world.get(f"agents/{agent['id']}/activity", by=world.officer, months=1)

    assert len(answer.json()["months"]) == 1
    assert answer.json()["verdict"]["inactive"] is False
    assert answer.json()["verdict"]["complete"] is False


async def test_an_agent_sees_his_own_activity(world: World) -> None:
    account_id = new_id()
    agent = await world.agent(by=world.applicant(account_id=account_id))
    own = world.tokens.make(Role.AGENT, account_id=account_id, agent_id=agent["id"])
    other = world.tokens.make(Role.AGENT, agent_id=new_id())

    answers = [await world.get(f"agents/{agent['id']}/activity", by=by) for by in (own, other)]

    assert [each.status_code for each in answers] == [200, 404]


@pytest.mark.parametrize("months", [0, 37, 10**20, "many"])
async def test_the_number_of_months_is_bounded(world: World, months: Any) -> None:
    answer = await world.get(f"agents/{new_id()}/activity", by=world.officer, months=months)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "months"


def event(kind: str, position: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "another-service",
        "type": kind,
        "subject": data["member_id"],
        "time": NOW.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
        "position": str(position),
    }


@pytest.mark.race
async def test_the_feeds_of_the_neighbours_are_read(
    own_database: Callable[[str], Urls], wire: Wire, keyring: Keyring
) -> None:
    agent_id = str(new_id())
    joined = {
        "attribution_id": str(new_id()),
        "member_id": str(new_id()),
        "agent_id": agent_id,
        "wadah_id": str(new_id()),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "from_month": "2026-11",
        "new_to_bpu": True,
    }
    paid = {
        "payment_id": str(new_id()),
        "bill_id": str(new_id()),
        "member_id": str(new_id()),
        "partner_id": str(new_id()),
        "amount": 28_400,
        "paid_at": NOW.isoformat(),
        "received_at": NOW.isoformat(),
        "agent_id": agent_id,
        "payer": "self",
        "lines": [{"month": "2026-11", "programme": "jkk", "amount": 5000, "relief": 5000}],
    }
    feeds = {
        "member": [event("member.attributed.v1", 1, joined), event("new.thing.v9", 2, joined)],
        "payment": [event("payment.settled.v1", 7, paid)],
    }

    def serve(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["lastEventId"] or 0)
        rest = [each for each in feeds[request.url.host] if int(each["position"]) > after]
        return httpx.Response(200, json=rest)

    wire.answer("member", serve)
    wire.answer("payment", serve)
    tokens = TokenSource(
        gateway_url="http://gateway", client_id="a", client_secret="b", transport=wire
    )
    members, payments = (
        ServiceClient(f"http://{host}", tokens, transport=wire) for host in ("member", "payment")
    )
    database = Database(own_database("agent").app, keyring=keyring, pool_size=2)

    read = [
        [await each.step(database) for _ in range(2)]
        for each in subscriptions(members=members, payments=payments)
    ]

    async with database.read() as session:
        month = Month(2026, 11)
        counts = await count_by_month(session, UUID(agent_id), first=month, last=month)
    await database.dispose()
    assert read == [[2, 0], [1, 0]]
    assert counts == {month: Counts(acquisitions=1, contributions=1)}
