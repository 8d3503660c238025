"""Changes of a record: faults of form and of rules come in one answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from perisai_kit.domain import clock

Enrol = Callable[..., Awaitable[Member]]


async def refuse(
    client: httpx.AsyncClient, method: str, path: str, body: Any, by: Any
) -> set[tuple[str, str]]:
    headers = {**by.headers, "If-Match": "*"}
    answer = await client.request(method, path, json=body, headers=headers)
    assert answer.status_code == 422, answer.text
    return {(each["pointer"], each["code"]) for each in answer.json()["errors"]}


async def test_a_change_names_all_that_is_wrong(
    client: httpx.AsyncClient, session: AsyncSession, agent: Any, enrol: Enrol
) -> None:
    member = await enrol(session)
    sent = {"declared_income": 1, "programmes": ["jkk"], "email": "nobody", "employs_others": True}

    found = await refuse(client, "PATCH", f"/v1/members/{member.id}", sent, agent)

    assert found == {
        ("/email", "string_pattern_mismatch"),
        ("/declared_income", "income_below_minimum"),
        ("/programmes", "mandatory_programme_missing"),
        ("/programmes", "jht_mandatory"),
    }


async def test_a_correction_names_all_that_is_wrong(
    client: httpx.AsyncClient, session: AsyncSession, officer: Any, agent: Any, enrol: Enrol
) -> None:
    member = await enrol(session)
    path = f"/v1/members/{member.id}/corrections"
    tomorrow = str(clock.today() + timedelta(days=1))
    facts = {"birth_date": tomorrow, "occupations": ["astronaut"]}
    of_rules = {
        ("/changes/birth_date", "birth_date_in_future"),
        ("/changes/occupations/0", "occupation_unknown"),
    }

    by_officer = await refuse(client, "POST", path, {"changes": facts}, officer)
    mixed = {"changes": {**facts, "phone": "12", "sex": "other"}}
    mixed_by_officer = await refuse(client, "POST", path, mixed, officer)
    mixed_by_agent = await refuse(client, "POST", path, mixed, agent)

    evidence = {("/evidence", "evidence_missing")}
    of_form = {("/changes/phone", "phone"), ("/changes/sex", "enum")}
    assert by_officer == of_rules | evidence
    assert mixed_by_officer == of_rules | of_form | evidence
    assert mixed_by_agent == of_rules | of_form


async def test_hand_overs_and_endings_name_all_that_is_wrong(
    client: httpx.AsyncClient, session: AsyncSession, officer: Any, enrol: Enrol
) -> None:
    member = await enrol(session)
    path = f"/v1/members/{member.id}"
    asked = {"from_date": "2020-01-15", "reason": "enrolled"}
    of_rules = {("/from_date", "from_date_invalid"), ("/reason", "reason_reserved")}
    far = str(clock.today() + timedelta(days=400))

    alone = await refuse(
        client, "POST", f"{path}/attributions", {**asked, "agent_id": None}, officer
    )
    mixed = await refuse(client, "POST", f"{path}/attributions", {**asked, "agent_id": 5}, officer)
    book = {**asked, "from_agent_id": "x", "to_agent_id": None}
    of_book = [
        await refuse(client, "POST", address, book, officer)
        for address in ("/v1/handovers", "/v1/handovers/preview")
    ]
    ended = await refuse(
        client, "POST", f"{path}/endings", {"reason": "bored", "last_day": far}, officer
    )

    assert alone == of_rules
    assert mixed == of_rules | {("/agent_id", "uuid_type")}
    assert of_book == [of_rules | {("/from_agent_id", "uuid_parsing")}] * 2
    assert ended == {("/reason", "literal_error"), ("/last_day", "ending_day_invalid")}


async def test_declarations_and_evidence_name_all_that_is_wrong(
    client: httpx.AsyncClient, session: AsyncSession, officer: Any, enrol: Enrol
) -> None:
    member = await enrol(session)
    path = f"/v1/members/{member.id}"
    tomorrow = str(clock.today() + timedelta(days=2))

    declared = await refuse(
        client,
        "POST",
        f"{path}/work-declarations",
        {"id": "x", "working": False, "declared_on": tomorrow},
        officer,
    )
    lacking = await refuse(
        client, "POST", f"{path}/bpu-evidence", {"id": "x", "new_to_bpu": True}, officer
    )

    assert declared == {
        ("/id", "uuid_parsing"),
        ("/working", "not_working"),
        ("/declared_on", "declared_in_future"),
    }
    assert lacking == {("/id", "uuid_parsing"), ("/basis", "new_to_bpu_basis_missing")}
