"""The limit on members with one telephone number, and the flag that officers see."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import MakeApp, Urls, open_app_client

Form = Callable[..., dict[str, Any]]
Subjects = Callable[..., Any]
PHONE = {"phone": "0812 5555 0000"}
TIGHT = {"members_per_phone": 5, "members_per_phone_and_agent": 3, "shared_phone_from": 4}


@pytest.fixture
async def tight(
    make_app: MakeApp, database: Database, wire: Wire
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that allows five members a number, three of them of one agent."""
    async with open_app_client(make_app(database=database, wire=wire, **TIGHT)) as client:
        yield client


async def send(client: httpx.AsyncClient, by: Any, *rows: dict[str, Any]) -> list[tuple[str, Any]]:
    body = {"batch_id": str(new_id()), "rows": list(rows)}
    answer = await client.post("/v1/enrolment-batches", json=body, headers=by.keyed())
    assert answer.status_code == 207, answer.text
    return [(each["status"], each["code"]) for each in answer.json()["rows"]]


FULL, FINE = ("refused", "phone_members_full"), ("accepted", None)


async def test_a_number_has_room_for_some_members_of_one_agent_and_for_some_more_of_others(
    tight: httpx.AsyncClient, agent: Any, make_agent: Subjects, officer: Any, form: Form
) -> None:
    other = make_agent()

    first = await send(tight, agent, *(form(**PHONE) for _ in range(4)), form())
    single = await tight.post("/v1/members", json=form(**PHONE), headers=agent.keyed())
    second = await send(tight, other, *(form(**PHONE) for _ in range(3)))
    by_officer = await tight.post("/v1/members", json=form(**PHONE), headers=officer.keyed())

    assert first == [FINE, FINE, FINE, FULL, FINE]
    assert (single.status_code, single.json()["code"]) == (409, "phone_members_full")
    assert single.json()["errors"][0]["pointer"] == "/phone"
    assert second == [FINE, FINE, FULL]
    assert by_officer.json()["code"] == "phone_members_full"


async def test_a_registered_person_takes_no_room(
    tight: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    forms = [form(**PHONE) for _ in range(3)]
    await send(tight, agent, *forms)

    again = await send(tight, agent, *forms, form(**PHONE))

    assert again == [("duplicate", "member_nik_registered")] * 3 + [FULL]


async def test_a_correction_needs_room_too(
    tight: httpx.AsyncClient, agent: Any, make_agent: Subjects, form: Form
) -> None:
    await send(tight, make_agent(), *(form(**PHONE) for _ in range(3)))
    await send(tight, make_agent(), *(form(**PHONE) for _ in range(2)))
    member = await tight.post("/v1/members", json=form(), headers=agent.keyed())

    answer = await tight.post(
        f"/v1/members/{member.json()['id']}/corrections",
        json={"changes": PHONE},
        headers={**agent.headers, "If-Match": "*"},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "phone_members_full")


async def test_officers_see_that_many_members_share_a_number(
    tight: httpx.AsyncClient, agent: Any, officer: Any, make_agent: Subjects, form: Form
) -> None:
    rows = [form(**PHONE) for _ in range(3)]
    await send(tight, agent, *rows)

    async def flags(by: Any) -> Any:
        answer = await tight.get(f"/v1/members/{rows[0]['id']}/risk-flags", headers=by.headers)
        return answer.json().get("items", answer.status_code)

    before = await flags(officer)
    await send(tight, make_agent(), form(**PHONE))

    assert before == []
    assert await flags(officer) == ["shared_phone"]
    assert await flags(agent) == 403


@pytest.mark.race
async def test_enrolments_at_once_do_not_exceed_the_room(
    own_database: Callable[[str], Urls],
    make_app: MakeApp,
    wire: Wire,
    make_agent: Subjects,
    form: Form,
) -> None:
    app = make_app(urls=own_database("member"), wire=wire, **TIGHT)
    async with open_app_client(app) as client:
        batches = await asyncio.gather(
            *(send(client, make_agent(), *(form(**PHONE) for _ in range(2))) for _ in range(6))
        )

    assert Counter(each for batch in batches for each in batch) == {FINE: 5, FULL: 7}
