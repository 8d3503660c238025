"""Comparisons over HTTP: asked, awaited, and read by agent and wadah."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.beginnings import Live
from payment_service_tests.village import Village, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.scheme_comparisons.rules import MAX_UNFINISHED
from payment_service.scheme_comparisons.tasks import Comparer
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime, Step, Tokens, Wire

PATH = "/v1/scheme-comparisons"
NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
Close = Callable[[Month], Awaitable[None]]
Headers = dict[str, str]
MakeStep = Callable[[Live], Step]


@pytest.fixture
def auditor(tokens: Tokens) -> Headers:
    return tokens.make(Role.AUDITOR, scope={"kind": ScopeKind.COUNTRY}, account_id=new_id())


def keyed(headers: Headers) -> Headers:
    return {**headers, "Idempotency-Key": str(new_id())}


def question(scheme_id: UUID, first: str = "2025-11", count: int = 1) -> dict[str, Any]:
    return {"scheme_id": str(scheme_id), "first_month": first, "month_count": count}


async def ask(
    client: httpx.AsyncClient, headers: Headers, body: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    answer = await client.post(PATH, json=body, headers=keyed(headers))
    found: dict[str, Any] = answer.json()
    return answer.status_code, found


async def read(
    client: httpx.AsyncClient, headers: Headers, path: str, **asked: str
) -> dict[str, Any]:
    answer = await client.get(f"{PATH}{path}", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """Villages that earned in a month that is closed, if a test asks for them."""
    return [make_step(earn)] if "villages" in request.fixturenames else []


async def earn(tell: Tell, close: Close, _: AsyncSession) -> list[Village]:
    wadah_id = new_id()
    made = [Village(), Village(wadah_id=wadah_id), Village(wadah_id=wadah_id)]
    for village, count in zip(made, (50, 30, 1), strict=True):
        village.enrol(count, NOVEMBER)
    await tell(*made)
    await close(NOVEMBER)
    return made


@pytest.fixture
def villages(made: list[Village]) -> list[Village]:
    """Of 50, 30 and 1 new members; the last two of one wadah."""
    return made


async def test_what_is_asked_is_computed_and_the_months_are_added_up(
    client: httpx.AsyncClient,
    database: Database,
    auditor: Headers,
    villages: list[Village],
    old_scheme: UUID,
) -> None:
    status, asked = await ask(client, auditor, question(old_scheme))
    path = f"/{asked['id']}"
    early = await client.get(f"{PATH}{path}/beneficiaries", headers=auditor)
    await Comparer().run(database)

    done = await read(client, auditor, path)

    assert (status, asked["status"], asked["figures"]) == (201, "comparing", None)
    assert asked["months"] == []
    assert early.json()["code"] == "scheme_comparison_unfinished"
    counts = (done["status"], done["payments_expected"], done["payments_compared"])
    assert counts == ("done", 81, 81)
    assert len(villages) == 3
    agents = {"actual": 1_647_120, "would_be": 651_204, "difference": -995_916}
    assert done["figures"]["agents"] == agents
    assert done["figures"]["total"] == {
        "actual": 1_647_120 + 164_712,
        "would_be": 651_204 + 72_356,
        "difference": 723_560 - 1_811_832,
    }
    assert done["months"] == [{"month": "2025-11", **done["figures"]}]


async def test_agents_and_wadahs_are_listed_by_what_they_would_get_more(
    client: httpx.AsyncClient,
    database: Database,
    session: AsyncSession,
    wire: Wire,
    auditor: Headers,
    villages: list[Village],
    old_scheme: UUID,
) -> None:
    agents = [each.agent_id for each in villages]
    named = [{"agent_id": str(id_), "name": f"Agen {no}"} for no, id_ in enumerate(agents)]
    wire.answer("agent", lambda _: httpx.Response(200, json={"items": named}))
    _, asked = await ask(client, auditor, question(old_scheme))
    await Comparer().run(database)
    path = f"/{asked['id']}/beneficiaries"

    items = (await read(client, auditor, path))["items"]
    wadahs = await read(client, auditor, path, beneficiary_kind="wadah")

    assert [(each["beneficiary_id"], each["would_be"], each["agent_name"]) for each in items] == [
        (str(agents[2]), 2_484, "Agen 2"),
        (str(agents[0]), 574_200, "Agen 0"),
        (str(agents[1]), 74_520, "Agen 1"),
    ]
    assert [each["difference"] for each in items] == [-3_036, -451_800, -541_080]
    assert items[0]["months"] == [
        {"month": "2025-11", "actual": 5_520, "would_be": 2_484, "difference": -3_036}
    ]
    assert {each["beneficiary_id"]: each["would_be"] for each in wadahs["items"]} == {
        str(villages[0].wadah_id): 63_800,
        str(villages[1].wadah_id): 8_280 + 276,
    }
    audits = (await session.scalars(select(ReadAudit))).all()
    assert [each.ids for each in audits] == [sorted(agents)]


async def test_pages_follow_the_difference_both_ways_and_within_a_wadah(
    client: httpx.AsyncClient,
    database: Database,
    wire: Wire,
    auditor: Headers,
    villages: list[Village],
    old_scheme: UUID,
) -> None:
    wire.answer("agent", lambda _: httpx.Response(503))
    _, asked = await ask(client, auditor, question(old_scheme))
    await Comparer().run(database)
    path = f"/{asked['id']}/beneficiaries"

    async def walk(**more: str) -> list[int]:
        seen: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            page = await read(client, auditor, path, limit="1", **more, **cursor)
            seen += [each["difference"] for each in page["items"]]
            if page["next_cursor"] is None:
                return seen
            cursor = {"cursor": page["next_cursor"]}

    down, up = await walk(), await walk(sort="difference")
    within = await walk(wadah_id=str(villages[1].wadah_id))
    page = await read(client, auditor, path, limit="1")
    other = await client.get(
        f"{PATH}{path}",
        params={"sort": "difference", "cursor": page["next_cursor"]},
        headers=auditor,
    )

    assert down == [-3_036, -451_800, -541_080]
    assert up == down[::-1]
    assert within == [-3_036, -541_080]
    assert page["items"][0]["agent_name"] is None
    assert (other.status_code, other.json()["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    ("first", "count", "code"),
    [
        ("2025-11", 0, "invalid"),
        ("2024-11", 13, "invalid"),
        ("2016-12", 2, "month_outside_programme"),
        ("2026-01", 1, "month_outside_programme"),
        ("2025-11", 2, "month_not_closed"),
    ],
)
async def test_months_that_cannot_be_compared_are_refused(
    client: httpx.AsyncClient,
    auditor: Headers,
    villages: list[Village],
    old_scheme: UUID,
    first: str,
    count: int,
    code: str,
) -> None:
    _, found = await ask(client, auditor, question(old_scheme, first, count))

    assert found["code"] == code


async def test_an_unknown_scheme_or_comparison_is_not_found(
    client: httpx.AsyncClient, auditor: Headers, villages: list[Village]
) -> None:
    _, found = await ask(client, auditor, question(new_id()))
    unknown = await client.get(f"{PATH}/{new_id()}", headers=auditor)

    assert found["code"] == "scheme_not_found"
    assert unknown.json()["code"] == "scheme_comparison_not_found"


async def test_no_more_wait_for_the_worker_than_the_limit(
    client: httpx.AsyncClient,
    database: Database,
    auditor: Headers,
    villages: list[Village],
    old_scheme: UUID,
) -> None:
    made = [await ask(client, auditor, question(old_scheme)) for _ in range(MAX_UNFINISHED)]

    refused = await ask(client, auditor, question(old_scheme))
    await Comparer().run(database)
    again = await ask(client, auditor, question(old_scheme))
    listed = await read(client, auditor, "", limit="200")

    assert {status for status, _ in made} == {201}
    assert (refused[0], refused[1]["code"]) == (409, "too_many_scheme_comparisons")
    assert again[0] == 201
    known = [again[1]["id"], *(found["id"] for _, found in reversed(made))]
    assert [each["id"] for each in listed["items"]] == known


async def test_the_same_question_sent_again_is_asked_once(
    client: httpx.AsyncClient, auditor: Headers, villages: list[Village], old_scheme: UUID
) -> None:
    headers = keyed(auditor)

    answers = [
        await client.post(PATH, json=question(old_scheme), headers=headers) for _ in range(2)
    ]

    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len((await read(client, auditor, ""))["items"]) == 1


async def test_before_the_first_close_there_is_nothing_to_compare(
    client: httpx.AsyncClient, auditor: Headers, business_time: BusinessTime, old_scheme: UUID
) -> None:
    business_time.at(noon(NOVEMBER.plus(1)))

    status, found = await ask(client, auditor, question(old_scheme))

    assert (status, found["code"], found["details"]["closed_through"]) == (
        409,
        "month_not_closed",
        None,
    )
