"""A form is corrected once: faults of form and of rules come in one answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.enrolments.rules import ERRORS_SHOWN
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

Form = Callable[..., dict[str, Any]]
FAULTY: dict[str, Any] = {
    "nik": "3510113203900001",
    "phone": "12",
    "birth_date": "1950-01-01",
    "occupations": ["astronaut", 5],
    "programmes": ["jkk"],
    "declared_income": 1,
    "address": {"street": "Jalan Ikan 3", "village": "", "district": "Kalibaru"},
    "new_to_bpu_basis": ...,
}
EXPECTED = {
    ("/phone", "phone"),
    ("/address/village", "string_too_short"),
    ("/occupations/1", "string_type"),
    ("/work_declaration/working", "missing"),
    ("/nik", "nik_invalid"),
    ("/birth_date", "age_over_limit"),
    ("/occupations/0", "occupation_unknown"),
    ("/programmes", "mandatory_programme_missing"),
    ("/declared_income", "income_below_minimum"),
    ("/work_declaration/declared_on", "declared_in_future"),
    ("/new_to_bpu_basis", "new_to_bpu_basis_missing"),
}


def fill_badly(form: Form) -> dict[str, Any]:
    next_week = str(clock.today() + timedelta(days=7))
    return form(**FAULTY, work_declaration={"declared_on": next_week})


def list_faults(errors: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(each["pointer"], each["code"]) for each in errors}


async def test_one_answer_names_all_that_is_wrong_with_a_form(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    sent = fill_badly(form)

    answer = await client.post("/v1/members", json=sent, headers=agent.keyed())
    indonesian = await client.post(
        "/v1/members", json=sent, headers={**agent.keyed(), "Accept-Language": "id"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert list_faults(answer.json()["errors"]) == EXPECTED
    assert len(answer.json()["errors"]) == len(EXPECTED)
    assert list_faults(indonesian.json()["errors"]) == EXPECTED
    assert not {each["detail"] for each in indonesian.json()["errors"]} & {
        each["detail"] for each in answer.json()["errors"]
    }
    assert sent["nik"] not in answer.text


async def test_a_row_of_a_batch_has_the_same_faults(
    client: httpx.AsyncClient, agent: Any, form: Form, session: AsyncSession
) -> None:
    good = form()
    body = {"batch_id": str(new_id()), "rows": [good, fill_badly(form)]}

    answer = await client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())
    again = await client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())

    assert answer.status_code == 207
    accepted, refused = answer.json()["rows"]
    assert (accepted["status"], refused["status"]) == ("accepted", "refused")
    assert (refused["code"], refused["may_repeat"]) == ("invalid", False)
    assert list_faults(refused["errors"]) == {(f"/rows/1{at}", code) for at, code in EXPECTED}
    assert again.json() == answer.json()


async def test_a_row_shows_no_more_faults_than_a_verdict_holds(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    unknown = {f"unknown_{n}": n for n in range(ERRORS_SHOWN + 5)}
    body = {"batch_id": str(new_id()), "rows": [{**fill_badly(form), **unknown}]}

    answer = await client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())

    (row,) = answer.json()["rows"]
    assert len(row["errors"]) == ERRORS_SHOWN


async def test_an_unreadable_field_is_not_judged_by_its_absence(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    sent = form(
        new_to_bpu_basis="hearsay", programmes=["jkk", "life"], birth_date="2020-02-30", nik=5
    )

    answer = await client.post("/v1/members", json=sent, headers=agent.keyed())

    assert list_faults(answer.json()["errors"]) == {
        ("/new_to_bpu_basis", "enum"),
        ("/programmes/1", "enum"),
        ("/birth_date", "date_from_datetime_parsing"),
        ("/nik", "string_type"),
    }


@pytest.mark.parametrize("row", [None, 5, "text", [], {}])
async def test_a_row_that_is_no_form_gets_its_verdict(
    client: httpx.AsyncClient, agent: Any, row: Any
) -> None:
    body = {"batch_id": str(new_id()), "rows": [row]}

    answer = await client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())

    assert [each["status"] for each in answer.json()["rows"]] == ["refused"]
