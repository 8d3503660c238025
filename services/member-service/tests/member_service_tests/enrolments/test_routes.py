from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id

Form = Callable[..., dict[str, Any]]
Subjects = Callable[..., Any]


def batch(*rows: Any, batch_id: str | None = None) -> dict[str, Any]:
    return {"batch_id": batch_id or str(new_id()), "rows": list(rows)}


def verdicts(answer: httpx.Response) -> list[tuple[str, str | None]]:
    return [(row["status"], row["code"]) for row in answer.json()["rows"]]


async def send(client: httpx.AsyncClient, by: Any, body: Any) -> httpx.Response:
    return await client.post("/v1/enrolment-batches", json=body, headers=by.keyed())


async def test_registering_answers_with_the_member_and_its_location(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    new = form()

    answer = await client.post("/v1/members", json=new, headers=agent.keyed())

    assert answer.status_code == 201
    assert answer.json()["id"] == new["id"]
    assert answer.json()["agent_id"] == str(agent.principal.agent_id)
    assert answer.json()["branch_code"] == "banyuwangi"
    assert answer.headers["Location"] == f"/v1/members/{new['id']}"
    assert answer.headers["ETag"] == '"1"'


async def test_the_server_makes_an_id_if_the_client_sends_none(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    answer = await client.post("/v1/members", json=form(id=...), headers=agent.keyed())

    assert answer.status_code == 201
    assert answer.json()["id"]


async def test_registering_needs_an_idempotency_key(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    for path, body in (("/v1/members", form()), ("/v1/enrolment-batches", batch(form()))):
        answer = await client.post(path, json=body, headers=agent.headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


async def test_a_nik_is_registered_once_and_says_nothing_about_its_holder(
    client: httpx.AsyncClient, agent: Any, make_agent: Subjects, form: Form
) -> None:
    first = form()
    await client.post("/v1/members", json=first, headers=agent.keyed())
    second = form(nik=first["nik"])

    answer = await client.post("/v1/members", json=second, headers=make_agent().keyed())

    assert (answer.status_code, answer.json()["code"]) == (409, "member_nik_registered")
    assert answer.json()["errors"][0]["pointer"] == "/nik"
    assert first["id"] not in answer.text
    assert first["nik"] not in answer.text


async def test_an_id_of_another_member_is_refused(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    first = form()
    await client.post("/v1/members", json=first, headers=agent.keyed())

    answer = await client.post("/v1/members", json=form(id=first["id"]), headers=agent.keyed())

    assert (answer.status_code, answer.json()["code"]) == (409, "member_id_taken")


async def test_faults_of_the_form_and_of_its_parts_are_named_in_one_answer(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    body = form(
        nik="351011120390000",
        work_declaration={"working": False, "declared_on": "2025-01-02"},
        declared_income=500_000,
    )

    answer = await client.post("/v1/members", json=body, headers=agent.keyed())

    assert (answer.status_code, answer.json()["code"]) == (422, "nik_invalid")
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/nik", "nik_invalid"),
        ("/work_declaration/working", "not_working"),
        ("/declared_income", "income_below_minimum"),
    ]


@pytest.mark.parametrize(
    ("differences", "code", "pointer"),
    [
        ({"nik": "351011120390000"}, "nik_invalid", "/nik"),
        ({"nik": "3510113202900001"}, "nik_invalid", "/nik"),
        ({"birth_date": "2013-01-01"}, "age_under_minimum", "/birth_date"),
        ({"birth_date": "1950-01-01"}, "age_over_limit", "/birth_date"),
        ({"declared_income": 500_000}, "income_below_minimum", "/declared_income"),
        ({"programmes": ["jkk", "jht"]}, "mandatory_programme_missing", "/programmes"),
        ({"occupations": ["wizard"]}, "occupation_unknown", "/occupations/0"),
        ({"new_to_bpu_basis": None}, "new_to_bpu_basis_missing", "/new_to_bpu_basis"),
        (
            {"work_declaration": {"working": False, "declared_on": "2025-01-02"}},
            "not_working",
            "/work_declaration/working",
        ),
        (
            {"consent": {"purpose_version": "1", "given_at": "2099-01-01T00:00:00Z"}},
            "declared_in_future",
            "/consent/given_at",
        ),
    ],
)
async def test_what_the_rules_refuse_names_its_field(
    client: httpx.AsyncClient,
    agent: Any,
    form: Form,
    differences: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    answer = await client.post("/v1/members", json=form(**differences), headers=agent.keyed())

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_an_officer_registers_for_the_branch_without_an_agent(
    client: httpx.AsyncClient, officer: Any, form: Form
) -> None:
    answer = await client.post("/v1/members", json=form(), headers=officer.keyed())

    assert answer.status_code == 201
    assert (answer.json()["agent_id"], answer.json()["branch_code"]) == (None, "banyuwangi")


@pytest.mark.parametrize(
    "scope", [None, Scope(ScopeKind.COUNTRY), Scope(ScopeKind.REGION, "jatim")]
)
async def test_only_an_account_of_one_branch_registers(
    client: httpx.AsyncClient, make_subject: Subjects, form: Form, scope: Scope | None
) -> None:
    officer = make_subject(Role.BRANCH_OFFICER, scope=scope)

    answer = await client.post("/v1/members", json=form(), headers=officer.keyed())

    assert (answer.status_code, answer.json()["code"]) == (403, "branch_scope_required")


@pytest.mark.parametrize(
    "role", [Role.MEMBER, Role.WADAH_ADMIN, Role.AUDITOR, Role.ADMIN, Role.SERVICE]
)
async def test_other_roles_do_not_register(
    client: httpx.AsyncClient, make_subject: Subjects, form: Form, role: Role
) -> None:
    subject = make_subject(role, scope=Scope(ScopeKind.BRANCH, "banyuwangi", "jatim"))

    answer = await send(client, subject, batch(form()))

    assert answer.status_code == 403


async def test_each_row_of_a_batch_gets_its_own_verdict(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    known = form()
    await client.post("/v1/members", json=known, headers=agent.keyed())
    good, twice = form(), form()
    body = batch(
        good,
        form(nik=known["nik"]),
        form(birth_date="2013-01-01"),
        twice,
        form(nik=twice["nik"]),
        form(id=good["id"]),
        form(declared_income="much"),
        "not a row",
        form(nik="1", declared_income=1),
    )

    answer = await send(client, agent, body)

    assert answer.status_code == 207
    assert verdicts(answer) == [
        ("accepted", None),
        ("duplicate", "member_nik_registered"),
        ("refused", "age_under_minimum"),
        ("accepted", None),
        ("duplicate", "nik_repeated"),
        ("refused", "row_id_repeated"),
        ("refused", "invalid"),
        ("refused", "invalid"),
        ("refused", "nik_invalid"),
    ]
    rows = answer.json()["rows"]
    assert (rows[0]["id"], rows[0]["member_id"]) == (good["id"], good["id"])
    assert rows[1]["member_id"] is None
    assert rows[6]["errors"][0]["pointer"] == "/rows/6/declared_income"
    assert rows[7]["id"] is None
    assert [each["code"] for each in rows[8]["errors"]] == ["nik_invalid", "income_below_minimum"]
    counts = {name: answer.json()[name] for name in ("accepted", "refused", "duplicate")}
    assert counts == {"accepted": 2, "refused": 5, "duplicate": 2}


async def test_a_repeated_batch_gets_the_same_verdicts_and_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, agent: Any, form: Form
) -> None:
    body = batch(form(), form(nik="1"), form())
    first = await send(client, agent, body)
    count = await session.scalar(select(func.count()).select_from(Member))
    events = await session.scalar(text("SELECT count(*) FROM events"))

    again = await send(client, agent, body)

    assert again.status_code == 207
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in again.headers
    assert await session.scalar(select(func.count()).select_from(Member)) == count
    assert await session.scalar(text("SELECT count(*) FROM events")) == events


async def test_a_repeated_key_replays_the_answer(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    headers, body = agent.keyed(), batch(form())

    first = await client.post("/v1/enrolment-batches", json=body, headers=headers)
    again = await client.post("/v1/enrolment-batches", json=body, headers=headers)

    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.json()) == (207, first.json())


async def test_a_batch_id_with_other_rows_or_of_another_account_is_refused(
    client: httpx.AsyncClient, agent: Any, make_agent: Subjects, form: Form
) -> None:
    body = batch(form())
    await send(client, agent, body)

    other_rows = await send(client, agent, batch(form(), batch_id=body["batch_id"]))
    other_account = await send(client, make_agent(), body)

    for answer in (other_rows, other_account):
        assert (answer.status_code, answer.json()["code"]) == (409, "enrolment_batch_id_reused")


async def test_rows_sent_again_in_a_new_batch_are_known_by_their_own_ids(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    row = form()
    await send(client, agent, batch(row))

    again = await send(client, agent, batch(row))

    assert verdicts(again) == [("duplicate", "member_nik_registered")]
    assert again.json()["rows"][0]["member_id"] == row["id"]


async def test_a_batch_can_be_read_again_by_its_sender_and_its_branch(
    client: httpx.AsyncClient, agent: Any, officer: Any, make_agent: Subjects, form: Form
) -> None:
    body = batch(form(), form(nik="1"))
    sent = await send(client, agent, body)
    path = f"/v1/enrolment-batches/{body['batch_id']}"

    for reader in (agent, officer):
        assert (await client.get(path, headers=reader.headers)).json() == sent.json()
    hidden = await client.get(path, headers=make_agent().headers)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "enrolment_batch_not_found")


async def test_verdicts_are_in_indonesian_if_the_client_asks_for_it(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    body = batch(form(birth_date="2013-01-01"), form(full_name=...))

    answer = await client.post(
        "/v1/enrolment-batches", json=body, headers={**agent.keyed(), "Accept-Language": "id"}
    )

    details = [row["errors"][0]["detail"] for row in answer.json()["rows"]]
    assert details == ["Usia belum cukup untuk didaftarkan.", "wajib diisi"]


async def test_verdicts_repeat_nothing_that_was_sent(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    body = batch(form(full_name=7, nik="SECRETNIK", phone="secret", email="secret", extra="secret"))

    answer = await send(client, agent, body)

    assert "secret" not in answer.text.lower()


@pytest.mark.parametrize("rows", [[], [{}] * 201, {}, "rows", None])
async def test_a_batch_has_1_to_200_rows(client: httpx.AsyncClient, agent: Any, rows: Any) -> None:
    answer = await send(client, agent, {"batch_id": str(new_id()), "rows": rows})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/rows"
