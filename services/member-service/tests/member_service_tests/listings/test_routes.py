"""The list of members: its rows, its filters and orders, and odd requests."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY, payment, take

from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def members(
    database: Database, enrol: Enrol, business_time: BusinessTime
) -> dict[str, Member]:
    """Enrolled on 3 November, with more or fewer months paid. The present is 20 December."""
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    made = {}
    paid: dict[str, tuple[str, ...]] = {
        "none": (),
        "one": ("2026-11",),
        "two": ("2026-11", "2026-12"),
        "three": ("2026-11", "2026-12", "2027-01"),
    }
    for name, months in paid.items():
        async with database.begin() as session:
            made[name] = await enrol(
                session,
                work_declaration=TODAY,
                address={"street": "Jalan 1", "village": f"Desa {name}", "district": "Kalibaru"},
            )
            if months:
                await take(session, payment(made[name].id, *months))
    business_time.at(datetime(2026, 12, 20, 2, 0, tzinfo=UTC))
    return made


async def names(
    client: httpx.AsyncClient, reader: Any, members: dict[str, Member], **asked: str
) -> list[str]:
    answer = await client.get("/v1/members", params=asked, headers=reader.headers)
    assert answer.status_code == 200, answer.text
    by_id = {str(member.id): name for name, member in members.items()}
    return [by_id[each["id"]] for each in answer.json()["items"]]


async def test_a_row_says_what_is_to_be_done_today(
    client: httpx.AsyncClient, agent: Any, members: dict[str, Member]
) -> None:
    answer = await client.get("/v1/members", params={"sort": "enrolled_at"}, headers=agent.headers)

    fields = ("standing", "covered_today", "lapses_on", "next_due_on", "unpaid_months")
    assert [tuple(row[name] for name in fields) for row in answer.json()["items"]] == [
        ("registered_unpaid", False, None, None, 0),
        ("grace", False, "2027-03-01", "2026-12-15", 1),
        ("active", True, "2027-04-01", "2027-01-15", 0),
        ("active", True, "2027-05-01", "2027-02-15", 0),
    ]


async def test_a_row_says_what_the_coverage_says(
    client: httpx.AsyncClient, agent: Any, members: dict[str, Member], business_time: BusinessTime
) -> None:
    for day in (datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 2, tzinfo=UTC)):
        business_time.at(day)
        answer = await client.get("/v1/members", headers=agent.headers)
        for row in answer.json()["items"]:
            path = f"/v1/members/{row['id']}/coverage"
            coverage = (await client.get(path, headers=agent.headers)).json()
            assert row["standing"] == coverage["standing"]
            assert row["covered_today"] is (coverage["cover"] == "covered")
            assert row["next_due_on"] == coverage["next_due_on"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"standing": "grace"}, ["one"]),
        ({"lapses_before": "2027-04-02"}, ["one", "two"]),
        ({"unpaid_months_min": "1"}, ["one"]),
        ({"unpaid_months_min": "2"}, []),
        ({"village": "DESA TWO"}, ["two"]),
        ({"village": "desa %"}, []),
        ({"agent_id": "none"}, []),
        ({"sort": "lapses_on"}, ["one", "two", "three"]),
        ({"sort": "lapses_on", "standing": "active"}, ["two", "three"]),
        ({"sort": "-enrolled_at"}, ["three", "two", "one", "none"]),
        # No member can be all of this.
        ({"standing": "registered_unpaid", "lapses_before": "2099-01-01"}, []),
        ({"standing": "lapsed", "sort": "lapses_on"}, []),
        ({"standing": "active", "unpaid_months_min": "1"}, []),
    ],
)
async def test_a_list_is_narrowed_and_ordered(
    client: httpx.AsyncClient,
    agent: Any,
    members: dict[str, Member],
    asked: dict[str, str],
    expected: list[str],
) -> None:
    found = await names(client, agent, members, **{"sort": "enrolled_at", **asked})

    assert found == expected


async def test_members_without_an_agent_are_found_by_their_officer(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    officer: Any,
    members: dict[str, Member],
) -> None:
    async with database.begin() as session:
        of_branch = await enrol(session, by=officer, work_declaration=TODAY)

    found = await names(client, officer, {**members, "of branch": of_branch}, agent_id="none")

    assert found == ["of branch"]


async def test_an_agent_finds_nobody_of_another_agent(
    client: httpx.AsyncClient, agent: Any, make_agent: Any, members: dict[str, Member]
) -> None:
    other = make_agent()

    asked = str(agent.principal.agent_id)

    assert await names(client, other, members, agent_id=asked) == []
    assert len(await names(client, agent, members, agent_id=asked)) == 4


async def test_each_order_is_read_page_by_page(
    client: httpx.AsyncClient, agent: Any, members: dict[str, Member]
) -> None:
    for sort, expected in {
        "enrolled_at": ["none", "one", "two", "three"],
        "-enrolled_at": ["three", "two", "one", "none"],
        "lapses_on": ["one", "two", "three"],
    }.items():
        seen: list[str] = []
        cursor = None
        while not seen or cursor:
            asked = {"sort": sort, "limit": "1", **({"cursor": cursor} if cursor else {})}
            answer = await client.get("/v1/members", params=asked, headers=agent.headers)
            seen += [each["village"].removeprefix("Desa ") for each in answer.json()["items"]]
            cursor = answer.json()["next_cursor"]
        assert seen == expected


async def test_a_cursor_of_another_order_or_filter_is_refused(
    client: httpx.AsyncClient, agent: Any, members: dict[str, Member]
) -> None:
    page = await client.get(
        "/v1/members", params={"sort": "enrolled_at", "limit": "1"}, headers=agent.headers
    )
    cursor = page.json()["next_cursor"]

    for other in (
        {"sort": "-enrolled_at"},
        {"sort": "lapses_on"},
        {"sort": "enrolled_at", "standing": "grace"},
        {"sort": "enrolled_at", "agent_id": str(new_id())},
    ):
        answer = await client.get(
            "/v1/members", params={**other, "cursor": cursor}, headers=agent.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"standing": "happy"}, "standing"),
        ({"lapses_before": "tomorrow"}, "lapses_before"),
        ({"unpaid_months_min": "0"}, "unpaid_months_min"),
        ({"unpaid_months_min": "4"}, "unpaid_months_min"),
        ({"village": ""}, "village"),
        ({"village": "x" * 101}, "village"),
        ({"agent_id": "nobody"}, "agent_id"),
        ({"sort": "full_name"}, "sort"),
        ({"state": "grace"}, "state"),
    ],
)
async def test_a_wrong_parameter_is_refused_by_name(
    client: httpx.AsyncClient, agent: Any, asked: dict[str, str], parameter: str
) -> None:
    answer = await client.get("/v1/members", params=asked, headers=agent.headers)

    assert answer.status_code == 422
    assert parameter in {each["parameter"] for each in answer.json()["errors"]}
