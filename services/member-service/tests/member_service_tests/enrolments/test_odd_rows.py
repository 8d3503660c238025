"""A row of a batch with any odd value is refused and does not affect the others."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.enrolments.models import EnrolmentRow
from perisai_kit.domain.ids import new_id

Form = Callable[..., dict[str, Any]]
MARK = "Z9Q7"
ODD: list[Any] = [
    f"{MARK}\x00",
    f"\x00{MARK}",
    f"{MARK}\ud800",
    f"{MARK}\ufdd0",
    {f"{MARK}\x00": 1},
    {f"{MARK}\udfff": [MARK]},
    [f"{MARK}\x00"],
    10**400,
    -(2**63) - 1,
    1e308,
    True,
    None,
]


def places(form: Any, *path: str) -> Iterator[tuple[str, ...]]:
    for name, value in form.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, *path, name)


def with_odd(form: dict[str, Any], path: tuple[str, ...], odd: Any) -> dict[str, Any]:
    row = copy.deepcopy(form)
    inside = row
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = odd
    return row


async def send(client: httpx.AsyncClient, agent: Any, rows: list[Any]) -> httpx.Response:
    body = json.dumps({"batch_id": str(new_id()), "rows": rows})
    headers = {**agent.keyed(), "Content-Type": "application/json"}
    return await client.post("/v1/enrolment-batches", content=body, headers=headers)


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_a_row_with_something_odd_at_any_place_gets_a_verdict(
    client: httpx.AsyncClient, session: AsyncSession, agent: Any, form: Form, odd: Any
) -> None:
    paths = list(places(form()))
    odd_rows: list[Any] = [with_odd(form(), path, odd) for path in paths]
    odd_rows += [odd, {**form(), f"{MARK}\x00\ud800": odd}]

    answer = await send(client, agent, [*odd_rows, form()])

    assert answer.status_code == 207, answer.text
    verdicts = answer.json()["rows"]
    assert verdicts[-1]["status"] == "accepted"
    assert {verdicts[paths.index(("id",))]["status"]} == {"refused"}
    stored = (await session.scalars(select(EnrolmentRow))).all()
    details = [fault[name] for row in stored for fault in row.errors for name in fault]
    assert [each for each in details if "\x00" in each] == []
    texts = [fault[name] for row in stored for fault in row.errors for name in fault
             if name.startswith("detail")]  # fmt: skip
    assert [each for each in texts if MARK in each] == []


async def test_a_nul_in_the_id_of_one_row_refuses_that_row_alone(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    answer = await send(client, agent, [form(), form(id=f"{new_id()}\x00"), form()])

    assert answer.status_code == 207
    rows = answer.json()["rows"]
    assert [row["status"] for row in rows] == ["accepted", "refused", "accepted"]
    assert rows[1]["errors"] == [
        {"pointer": "/rows/1/id", "code": "uuid_parsing", "detail": "must be a UUID"}
    ]
