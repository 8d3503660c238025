from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import find_latest_day

if TYPE_CHECKING:
    from agent_service_tests.conftest import World


async def test_future_dates_are_refused_by_the_name_of_their_field(world: World) -> None:
    application = await world.apply()
    await world.step(application, "verification")
    tomorrow = (find_latest_day(clock.now()) + timedelta(days=1)).isoformat()
    path = f"applications/{application['id']}"

    training = await world.post(
        f"{path}/training", {"completed_on": tomorrow, "certificate_no": "S/1"}, by=world.officer
    )
    today = {"completed_on": clock.today().isoformat(), "certificate_no": "S/1"}
    await world.step(application, "training", today)
    exam = await world.post(
        f"{path}/exam", {"taken_on": tomorrow, "passed": True}, by=world.officer
    )
    early = await world.post(
        f"{path}/exam", {"taken_on": "2020-01-01", "passed": True}, by=world.officer
    )

    assert [
        (each.status_code, each.json()["code"], each.json()["errors"][0]["pointer"])
        for each in (training, exam, early)
    ] == [
        (422, "not_yet_happened", "/completed_on"),
        (422, "not_yet_happened", "/taken_on"),
        (422, "exam_before_training", "/taken_on"),
    ]


@pytest.mark.parametrize(
    ("differences", "pointer"),
    [
        ({"nik": "3510113203900001"}, "/nik"),
        ({"nik": "351011"}, "/nik"),
        ({"nik": "35101112039\x000001"}, "/nik"),
        ({"nik": 3510111203900001}, "/nik"),
        ({"full_name": " "}, "/full_name"),
        ({"full_name": "Siti\x00"}, "/full_name"),
        ({"full_name": "\u200b"}, "/full_name"),
        ({"account_holder_name": "12345"}, "/account_holder_name"),
        ({"full_name": "x" * 101}, "/full_name"),
        ({"citizenship": "dutch"}, "/citizenship"),
        ({"bank_code": "0 9"}, "/bank_code"),
        ({"account_no": "12"}, "/account_no"),
        ({"account_no": "1" * 35}, "/account_no"),
        ({"not_bpjs_employee": "yes"}, "/not_bpjs_employee"),
        ({"not_bpjs_employee": None}, "/not_bpjs_employee"),
        ({"birth_date": 631152000}, "/birth_date"),
        ({"birth_date": "9999-12-31"}, "/birth_date"),
        ({"wadah_id": "x"}, "/wadah_id"),
        ({"wadah_id": "00000000-0000-0000-0000-000000000000"}, "/wadah_id"),
        ({"device_description": "x" * 256}, "/device_description"),
        ({"phone": "0812"}, "/phone"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    world: World, differences: dict[str, Any], pointer: str
) -> None:
    body = {**await world.new_application(), **differences}

    answer = await world.post("applications", body, by=world.applicant())

    assert answer.status_code in {404, 422}
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("step", "body", "pointer"),
    [
        ("training", {"completed_on": "2026-02-30", "certificate_no": "1"}, "/completed_on"),
        ("training", {"completed_on": "2026-02-03", "certificate_no": "\x00"}, "/certificate_no"),
        ("exam", {"taken_on": "2026-02-03", "passed": True, "score": 2**40}, "/score"),
        ("exam", {"taken_on": "2026-02-03", "passed": True, "score": -1}, "/score"),
        ("exam", {"taken_on": "2026-02-03", "passed": 1}, "/passed"),
        ("approval", {"assignment_letter_number": "x" * 101}, "/assignment_letter_number"),
        ("rejection", {"reason_code": "because", "reason": "x"}, "/reason_code"),
        ("rejection", {"reason_code": "other", "reason": "x" * 2001}, "/reason"),
        ("verification", {"attestations": [{"requirement": "a b", "met": True}]}, None),
    ],
)
async def test_bad_steps_are_refused_by_the_name_of_their_field(
    world: World, step: str, body: dict[str, Any], pointer: str | None
) -> None:
    application = await world.apply()

    answer = await world.post(f"applications/{application['id']}/{step}", body, by=world.officer)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer or pointer is None


async def test_faults_of_form_and_of_the_nik_are_named_together(world: World) -> None:
    body = {**await world.new_application(), "nik": "3510113203900001", "account_no": "12"}
    body.pop("device_description")

    answer = await world.post("applications", body, by=world.applicant())

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert {(each["pointer"], each["code"]) for each in answer.json()["errors"]} == {
        ("/account_no", "string_pattern_mismatch"),
        ("/device_description", "missing"),
        ("/nik", "nik_invalid"),
    }
