from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from agent_service.activity.queries import count_by_month
from agent_service.activity.rules import Counts
from agent_service.worker import subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.testing.plugin import Urls, Wire

AT = "2026-11-05T10:00:00+07:00"
NOVEMBER = Month(2026, 11)


def event(kind: str, position: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "another-service",
        "type": kind,
        "subject": data["member_id"],
        "time": AT,
        "datacontenttype": "application/json",
        "data": data,
        "position": str(position),
    }


def ids(*names: str) -> dict[str, str]:
    return {name: str(new_id()) for name in names}


def joined(agent_id: UUID) -> dict[str, Any]:
    return {
        **ids("attribution_id", "member_id", "wadah_id"),
        "agent_id": str(agent_id),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "from_month": "2026-11",
        "new_to_bpu": True,
    }


def paid(agent_id: UUID) -> dict[str, Any]:
    return {
        **ids("payment_id", "bill_id", "member_id", "partner_id"),
        "amount": 28_400,
        "issued_at": AT,
        "paid_at": AT,
        "received_at": AT,
        "agent_id": str(agent_id),
        "payer": "self",
        "lines": [{"month": "2026-11", "programme": "jkk", "amount": 5000, "relief": 5000}],
    }


@pytest.fixture
def feeds(wire: Wire) -> dict[str, list[dict[str, Any]]]:
    """What the neighbours have published, by host."""
    published: dict[str, list[dict[str, Any]]] = {"member": [], "payment": []}

    def serve(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["lastEventId"] or 0)
        events = published[request.url.host]
        return httpx.Response(200, json=[each for each in events if int(each["position"]) > after])

    for host in published:
        wire.answer(host, serve)
    return published


@pytest.fixture
def clients(wire: Wire) -> dict[str, ServiceClient]:
    tokens = TokenSource(
        gateway_url="http://gateway", client_id="a", client_secret="b", transport=wire
    )
    return {
        name: ServiceClient(f"http://{host}", tokens, transport=wire)
        for name, host in (("members", "member"), ("payments", "payment"))
    }


@pytest.mark.race
async def test_the_feeds_of_the_neighbours_are_read(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    feeds: dict[str, list[dict[str, Any]]],
    clients: dict[str, ServiceClient],
) -> None:
    agent_id = new_id()
    member = joined(agent_id)
    feeds["member"] += [event("member.attributed.v1", 1, member), event("new.thing.v9", 2, member)]
    feeds["payment"] += [event("payment.settled.v1", 7, paid(agent_id))]
    database = Database(own_database("agent").app, keyring=keyring, pool_size=2)

    read = [[await each.step(database) for _ in range(2)] for each in subscriptions(**clients)]

    async with database.read() as session:
        counts = await count_by_month(session, agent_id, first=NOVEMBER, last=NOVEMBER)
    await database.dispose()
    assert read == [[2, 0], [1, 0]]
    assert counts == {NOVEMBER: Counts(acquisitions=1, contributions=1)}
