from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from agent_service.activity.queries import count_by_day
from agent_service.activity.rules import Counts
from agent_service.worker import subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.turns import DEFERRABLE
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.testing.plugin import Urls, Wire

AT = "2026-11-05T10:00:00+07:00"
DAY = date(2026, 11, 5)


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


def answered(agent_id: UUID, **differences: Any) -> dict[str, Any]:
    return {
        **ids("allocation_id", "payment_id", "bill_id", "member_id", "wadah_id"),
        "answer_no": 1,
        "counts_at": AT,
        "months": ["2026-11"],
        "first_month": "2026-11",
        "agent_id": str(agent_id),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "is_acquisition": True,
        **differences,
    }


@pytest.fixture
def feed(wire: Wire) -> list[dict[str, Any]]:
    """What member-service has published."""
    published: list[dict[str, Any]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["lastEventId"] or 0)
        return httpx.Response(
            200, json=[each for each in published if int(each["position"]) > after]
        )

    wire.answer("member", serve)
    return published


@pytest.mark.race
async def test_the_feed_of_member_service_is_read(
    own_database: Callable[[str], Urls], keyring: Keyring, feed: list[dict[str, Any]], wire: Wire
) -> None:
    agent_id = new_id()
    gone = answered(agent_id)
    feed += [
        event("coverage.extended.v1", 1, answered(agent_id)),
        event("coverage.extended.v1", 2, gone),
        event("new.thing.v9", 3, gone),
        event("coverage.withdrawn.v1", 4, {**answered(agent_id), "withdrawn": ["2026-12"]}),
        event("coverage.declined.v1", 5, {**gone, "answer_no": 2, "reason_code": "not_declared"}),
    ]
    tokens = TokenSource(
        gateway_url="http://gateway", client_id="a", client_secret="b", transport=wire
    )
    members = ServiceClient("http://member", tokens, transport=wire)
    database = Database(own_database("agent").app, keyring=keyring, pool_size=2)
    (subscription,) = subscriptions(members=members)

    read = [await subscription.step(database) for _ in range(2)]

    async with database.read() as session:
        days = await count_by_day(session, agent_id, first=DAY, last=DAY)
    await database.dispose()
    assert read == [5, 0]
    assert subscription.urgency is DEFERRABLE
    assert days == {DAY: Counts(acquisitions=2, contributions=2)}
