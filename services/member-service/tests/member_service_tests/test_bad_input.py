"""Every bad value at every route gets an answer that names the field, never a 500."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from member_service.members.models import Member
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id

Form = Callable[..., dict[str, Any]]
Enrol = Callable[..., Awaitable[Member]]
Subjects = Callable[..., Any]

BAD_VALUES: dict[str, Any] = {
    "NUL": "a\x00b",
    "lone surrogate": "a\ud800b",
    "beyond 64 bits": 2**64,
    "below 64 bits": -(2**63) - 1,
    "fraction": 1.5,
    "long text": "x" * 5000,
    "empty text": "",
    "true": True,
    "null": None,
    "list": [[]],
    "object": {"a": {"b": "c"}},
}
REQUIRED = [
    "nik",
    "full_name",
    "birth_date",
    "place_of_birth",
    "sex",
    "phone",
    "address",
    "occupations",
    "declared_income",
    "programmes",
    "work_declaration",
    "consent",
    "new_to_bpu",
]
NOT_BAD = {("new_to_bpu", "true"), ("employs_others", "true")}


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        return await enrol(session)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def pointers(answer: httpx.Response) -> list[str]:
    return [each.get("pointer", "") for each in answer.json().get("errors", [])]


async def post(
    client: httpx.AsyncClient, path: str, subject: Any, content: bytes
) -> httpx.Response:
    headers = {**subject.keyed(), "Content-Type": "application/json"}
    return await client.post(path, content=content, headers=headers)


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_a_bad_value_in_any_field_of_a_form_is_refused_by_its_name(
    client: httpx.AsyncClient, agent: Any, form: Form, name: str
) -> None:
    fields = [*REQUIRED, "employs_others", "payer"]

    for field in fields:
        if (field, name) in NOT_BAD:
            continue
        body = form(**{field: BAD_VALUES[name]})
        answer = await post(client, "/v1/members", agent, encoded(body))
        assert answer.status_code == 422, (field, answer.text)
        assert any(each.startswith(f"/{field}") for each in pointers(answer)), (field, answer.text)


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_a_bad_value_in_a_row_gives_a_verdict_and_does_not_affect_other_rows(
    client: httpx.AsyncClient, agent: Any, form: Form, name: str
) -> None:
    fields = [field for field in REQUIRED if (field, name) not in NOT_BAD]
    rows = [form(**{field: BAD_VALUES[name]}) for field in fields]
    body = {"batch_id": str(new_id()), "rows": [form(), *rows, BAD_VALUES[name]]}

    answer = await post(client, "/v1/enrolment-batches", agent, encoded(body))

    assert answer.status_code == 207
    statuses = [row["status"] for row in answer.json()["rows"]]
    assert statuses == ["accepted"] + ["refused"] * (len(rows) + 1)
    for number, field in enumerate(fields, start=1):
        errors = answer.json()["rows"][number]["errors"]
        assert errors[0]["pointer"].startswith(f"/rows/{number}/{field}")


@pytest.mark.parametrize("name", ["\u200b\u200d", "-", "12345", "\u3164"])
async def test_an_invalid_name_is_refused_at_enrolment_and_in_a_correction(
    client: httpx.AsyncClient, agent: Any, member: Member, form: Form, name: str
) -> None:
    single = await post(client, "/v1/members", agent, encoded(form(full_name=name)))
    batch = {"batch_id": str(new_id()), "rows": [form(full_name=name), form(full_name="Ma'ruf")]}
    rows = await post(client, "/v1/enrolment-batches", agent, encoded(batch))
    headers = {**agent.headers, "If-Match": "*"}
    path, changes = f"/v1/members/{member.id}/corrections", {"changes": {"full_name": name}}
    correction = await client.post(path, json=changes, headers=headers)

    assert (single.status_code, pointers(single)) == (422, ["/full_name"])
    assert [each["status"] for each in rows.json()["rows"]] == ["refused", "accepted"]
    assert rows.json()["rows"][0]["errors"][0]["code"] == "person_name"
    assert (correction.status_code, pointers(correction)) == (422, ["/changes/full_name"])


async def test_a_name_is_cleaned_at_enrolment(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    name = "  Siti\n\u200bAminah\t"

    answer = await post(client, "/v1/members", agent, encoded(form(full_name=name)))

    assert answer.json()["full_name"] == "Siti Aminah"


async def test_unknown_fields_even_with_unprintable_names_are_refused(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    for field in ("status", "agent_id", "a\x00b", "\ud800", "~/", "x" * 3000):
        single = await post(client, "/v1/members", agent, encoded({**form(), field: 1}))
        body = {"batch_id": str(new_id()), "rows": [{**form(), field: 1}]}
        row = await post(client, "/v1/enrolment-batches", agent, encoded(body))
        assert single.status_code == 422
        assert single.json()["errors"][0]["code"] in ("extra_forbidden", "string_unicode")
        assert row.status_code == 207
        assert row.json()["rows"][0]["status"] == "refused"
        assert row.json()["rows"][0]["errors"]


@pytest.mark.parametrize("field", ["id", "kk", "email", "new_to_bpu_basis"])
async def test_optional_fields_are_checked_too(
    client: httpx.AsyncClient, agent: Any, form: Form, field: str
) -> None:
    for name, value in BAD_VALUES.items():
        if name == "null":
            continue
        answer = await post(client, "/v1/members", agent, encoded(form(**{field: value})))
        assert answer.status_code == 422, (name, answer.text)
        assert pointers(answer)[0].startswith(f"/{field}")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b'{"rows": ' + b"[" * 100_000,
        b'{"declared_income": ' + b"9" * 10_000 + b"}",
        b'{"declared_income": 1e999999}',
        b'{"declared_income": Infinity}',
    ],
)
async def test_a_body_that_is_not_a_form_is_refused(
    client: httpx.AsyncClient, agent: Any, officer: Any, member: Member, content: bytes
) -> None:
    paths = {
        "/v1/members": agent,
        "/v1/enrolment-batches": agent,
        "/v1/member-lookups": officer,
        f"/v1/members/{member.id}/attributions": officer,
        f"/v1/members/{member.id}/work-declarations": agent,
    }

    for path, subject in paths.items():
        answer = await post(client, path, subject, content)
        assert answer.status_code in (400, 422), (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_huge_body_is_refused_before_it_is_read(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    body = {"batch_id": str(new_id()), "rows": [form(full_name="x" * 2_000_000)]}

    answer = await post(client, "/v1/enrolment-batches", agent, encoded(body))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_a_bad_change_is_refused_by_its_name(
    client: httpx.AsyncClient, agent: Any, member: Member, name: str
) -> None:
    for field in [
        "kk",
        "email",
        "place_of_birth",
        "address",
        "declared_income",
        "programmes",
        "employs_others",
    ]:
        if (field, name) in NOT_BAD or (field in ("kk", "email") and name == "null"):
            continue
        answer = await client.patch(
            f"/v1/members/{member.id}",
            content=encoded({field: BAD_VALUES[name]}),
            headers={**agent.headers, "If-Match": "*", "Content-Type": "application/json"},
        )
        assert answer.status_code == 422, (field, answer.text)
        assert pointers(answer)[0].startswith(f"/{field}")


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_small_bodies_are_checked_field_by_field(
    client: httpx.AsyncClient, officer: Any, member: Member, name: str
) -> None:
    value = BAD_VALUES[name]
    good: dict[str, dict[str, Any]] = {
        f"/v1/members/{member.id}/attributions": {
            "agent_id": str(new_id()),
            "from_month": "2026-11",
            "reason": "agent_left",
        },
        f"/v1/members/{member.id}/work-declarations": {
            "working": True,
            "declared_on": "2026-01-01",
        },
        "/v1/member-lookups": {"nik": "3510110101909999"},
        "/v1/enrolment-batches": {"batch_id": str(new_id()), "rows": [{}]},
    }
    fine = {("agent_id", "null"), ("working", "true"), ("nik", "null"), ("rows", "list")}

    for path, body in good.items():
        for field in body:
            if (field, name) in fine:
                continue
            answer = await post(client, path, officer, encoded({**body, field: value}))
            assert answer.status_code == 422, (path, field, answer.text)
            assert pointers(answer)[0].startswith(f"/{field}"), (path, field, answer.text)


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "x"},
        {"limit": str(2**64)},
        {"standing": "dead"},
        {"agent_id": "1"},
        {"cursor": "a\x00"},
        {"cursor": "x" * 500},
    ],
)
async def test_a_bad_parameter_is_refused_by_its_name(
    client: httpx.AsyncClient, agent: Any, params: dict[str, str]
) -> None:
    answer = await client.get("/v1/members", params=params, headers=agent.headers)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] in params


async def test_an_invalid_id_is_refused(client: httpx.AsyncClient, make_subject: Subjects) -> None:
    admin = make_subject(Role.ADMIN, Role.SERVICE, scope=Scope(ScopeKind.COUNTRY))

    for path in (
        "/v1/members/{}",
        "/v1/members/{}/identity",
        "/v1/members/{}/coverage",
        "/v1/members/{}/attributions",
        "/v1/members/{}/work-declarations",
        "/v1/members/{}/contribution-basis",
        "/v1/enrolment-batches/{}",
    ):
        wrong = await client.get(path.format("1%00"), headers=admin.headers)
        unknown = await client.get(path.format(new_id()), headers=admin.headers)
        assert wrong.status_code == 422
        assert unknown.status_code == 404


async def test_a_bad_if_match_is_refused(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    answer = await client.patch(
        f"/v1/members/{member.id}",
        json={"declared_income": 2_000_000},
        headers={**agent.headers, "If-Match": "x" * 1000},
    )

    assert answer.status_code == 422
