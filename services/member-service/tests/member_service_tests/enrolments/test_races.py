"""Concurrent enrolments on a separate database, which decides which one is first."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from perisai_kit.domain.ids import new_id

Form = Callable[..., dict[str, Any]]
Subjects = Callable[..., Any]

pytestmark = pytest.mark.race


async def listed(client: httpx.AsyncClient, officer: Any) -> list[str]:
    answer = await client.get("/v1/members", params={"limit": "200"}, headers=officer.headers)
    return [each["id"] for each in answer.json()["items"]]


async def test_of_several_agents_with_one_nik_exactly_one_registers_it(
    own_client: httpx.AsyncClient, make_agent: Subjects, officer: Any, form: Form
) -> None:
    nik = form()["nik"]
    forms = [form(nik=nik) for _ in range(6)]

    answers = await asyncio.gather(
        *(own_client.post("/v1/members", json=each, headers=make_agent().keyed()) for each in forms)
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len(await listed(own_client, officer)) == 1


async def test_batches_with_the_same_people_in_different_orders_neither_deadlock_nor_register_twice(
    own_client: httpx.AsyncClient, make_agent: Subjects, officer: Any, form: Form
) -> None:
    niks = [form()["nik"] for _ in range(40)]

    async def send(order: list[str]) -> httpx.Response:
        rows = [form(nik=nik) for nik in order]
        body = {"batch_id": str(new_id()), "rows": rows}
        headers = make_agent().keyed()
        return await own_client.post("/v1/enrolment-batches", json=body, headers=headers)

    answers = await asyncio.gather(*(send(order) for order in (niks, niks[::-1]) * 3))

    assert {answer.status_code for answer in answers} == {207}
    assert sum(answer.json()["accepted"] for answer in answers) == len(niks)
    assert sum(answer.json()["duplicate"] for answer in answers) == 5 * len(niks)
    assert len(await listed(own_client, officer)) == len(niks)


async def test_one_batch_sent_twice_at_once_is_registered_once_with_one_verdict(
    own_client: httpx.AsyncClient, agent: Any, officer: Any, form: Form
) -> None:
    body = {"batch_id": str(new_id()), "rows": [form() for _ in range(20)]}

    first, second = await asyncio.gather(
        *(
            own_client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())
            for _ in range(2)
        )
    )

    assert (first.status_code, second.status_code) == (207, 207)
    assert first.json() == second.json()
    assert first.json()["accepted"] == 20
    assert len(await listed(own_client, officer)) == 20


async def test_of_two_changes_of_one_version_one_is_refused(
    own_client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    new = form()
    await own_client.post("/v1/members", json=new, headers=agent.keyed())

    answers = await asyncio.gather(
        *(
            own_client.patch(
                f"/v1/members/{new['id']}",
                json={"declared_income": income},
                headers={**agent.headers, "If-Match": '"1"'},
            )
            for income in (2_000_000, 3_000_000)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
