"""Dates around midnight: a form of Jayapura late in the evening of Jakarta, and a future one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime

Form = Callable[..., dict[str, Any]]
LATE = datetime.fromisoformat("2026-11-22T22:30+07:00")
"""00:30 of the 23rd in Jayapura."""


def declared(day: str) -> dict[str, Any]:
    return {"work_declaration": {"working": True, "declared_on": day}}


async def send(
    client: httpx.AsyncClient, agent: Any, *rows: dict[str, Any]
) -> list[dict[str, Any]]:
    body = {"batch_id": str(new_id()), "rows": list(rows)}
    answer = await client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())
    assert answer.status_code == 207, answer.text
    verdicts: list[dict[str, Any]] = answer.json()["rows"]
    return verdicts


async def test_today_in_jayapura_may_be_declared_while_jakarta_has_yesterday(
    client: httpx.AsyncClient, agent: Any, form: Form, business_time: BusinessTime
) -> None:
    business_time.at(LATE)

    enrolled = await client.post(
        "/v1/members", json=form(**declared("2026-11-23")), headers=agent.keyed()
    )
    path = f"/v1/members/{enrolled.json()['id']}/work-declarations"
    again = await client.post(
        path, json={"working": True, "declared_on": "2026-11-23"}, headers=agent.headers
    )
    too_early = await client.post(
        path, json={"working": True, "declared_on": "2026-11-24"}, headers=agent.headers
    )

    assert enrolled.status_code == 201, enrolled.text
    assert again.status_code == 201
    assert (too_early.status_code, too_early.json()["code"]) == (422, "declared_in_future")


async def test_a_row_refused_for_time_only_is_judged_anew_in_a_new_batch(
    client: httpx.AsyncClient, agent: Any, form: Form, business_time: BusinessTime
) -> None:
    business_time.at(LATE)
    early = form(**declared("2026-11-24"))
    consent = {"purpose_version": "1", "given_at": "2026-11-24T08:00:00+07:00"}
    both = form(**declared("2026-11-24"), consent=consent)
    poor = form(**declared("2026-11-24"), declared_income=1)
    idle = form(work_declaration={"working": False, "declared_on": "2026-11-22"})
    fine = form(**declared("2026-11-22"))

    first = await send(client, agent, early, both, poor, idle, fine)
    business_time.at(datetime.fromisoformat("2026-11-24T09:00+07:00"))
    second = await send(client, agent, early, both)

    assert [each["may_repeat"] for each in first] == [True, True, False, False, False]
    assert [each["status"] for each in first] == ["refused"] * 4 + ["accepted"]
    assert [each["status"] for each in second] == ["accepted", "accepted"]
    assert [each["may_repeat"] for each in second] == [False, False]
    assert [each["id"] for each in second] == [early["id"], both["id"]]
