"""Every answer that shows persons leaves one row that names them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from contract.bodies import QUERIES, make_body
from contract.conftest import Platform
from contract.objects import Maker
from contract.reach import BRANCH, COUNTRY, OTHER_REGION
from contract.readings import CHANGES, OWN, PERSONAL, READINGS, TO_MEMBERS, TO_WADAHS, WRITING
from contract.roles import ROUTES, A, B, D, F, M, S, U, filled
from sqlalchemy import select
from stage.fixtures import documents_of_services

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.network import Tokens

SERVICE_OF = {route: service for service, table in ROUTES.items() for route in table}


@pytest.fixture(scope="module")
async def maker(platform: Platform, tokens: Tokens) -> Maker:
    made = Maker(platform, tokens)
    await made.make_all()
    made.ids["applicant_id"] = str(made.applicant_id)
    return made


@pytest.fixture(scope="module")
async def audits(maker: Maker) -> dict[str, str]:
    """An audit of each service that names the person whom READINGS names, by service."""
    made = {}
    for service in ROUTES:
        person = UUID(maker.ids[READINGS[f"GET /v1/read-audits/{service}-service"]])
        made[service] = str(await store_audits(maker, service, [person]))
    return made


def list_properties(schema: Any, schemas: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Yield the names of the fields of a schema and of its parts."""
    if isinstance(schema, list):
        for each in schema:
            yield from list_properties(each, schemas, seen)
    if not isinstance(schema, dict):
        return
    name = schema.get("$ref", "").rpartition("/")[2]
    if name and name not in seen:
        seen.add(name)
        yield from list_properties(schemas[name], schemas, seen)
    for field, inner in schema.get("properties", {}).items():
        yield field
        yield from list_properties(inner, schemas, seen)
    for part in ("items", "anyOf", "oneOf", "allOf", "additionalProperties"):
        yield from list_properties(schema.get(part), schemas, seen)


def list_showing() -> Iterator[str]:
    """Yield the operations whose answer or address has a personal field."""
    for document in documents_of_services().values():
        schemas = document["components"]["schemas"]
        for path, item in document["paths"].items():
            for method, operation in item.items():
                answers = [
                    media.get("schema")
                    for status, answer in operation["responses"].items()
                    if status.startswith("2")
                    for media in answer.get("content", {}).values()
                ]
                fields = set(list_properties(answers, schemas, set()))
                in_path = {part[1:-1] for part in path.split("/") if part.startswith("{")}
                if PERSONAL & (fields | in_path):
                    yield f"{method.upper()} {path}"


def test_every_operation_that_shows_persons_is_in_the_table() -> None:
    showing = set(list_showing())

    assert showing == {*READINGS, *OWN, *TO_MEMBERS, *TO_WADAHS, *CHANGES, *WRITING}


async def ask(maker: Maker, route: str) -> httpx.Response:
    """Send the request of an officer of the country, or of a service, who is none of the people."""
    service, (method, path) = SERVICE_OF[route], route.split(" ")
    roles = ROUTES[service][route] or frozenset()
    role = next(each for each in (B, F, D, S, U) if each in roles)
    subject = maker.tokens.make(role, scope=None if role is S else COUNTRY)
    headers = {**subject, "Idempotency-Key": str(new_id()), "If-Match": "*"}
    query = QUERIES.get(route, "").format(**maker.ids)
    return await maker.platform.clients[service].request(
        method,
        f"{filled(path, maker.ids)}?{query}",
        json=make_body(route, maker.ids, clock.today()),
        headers=headers,
    )


async def store_audits(maker: Maker, service: str, ids: list[UUID], *, count: int = 1) -> UUID:
    """Store audits of an officer who has read these persons; return the id of the newest."""
    database: Database = maker.platform.apps[service].state.kit.database
    rows = [
        ReadAudit(
            id=new_id(),
            at=clock.now(),
            account_id=new_id(),
            request_id="r-1",
            kind="GET /v1/members",
            ids=ids,
            roles=[B],
            scope_kind="branch",
            scope_code="BWI",
        )
        for _ in range(count)
    ]
    async with database.begin() as session:
        session.add_all(rows)
    return rows[-1].id


async def list_audits(maker: Maker, route: str, answer: httpx.Response) -> list[ReadAudit]:
    database: Database = maker.platform.apps[SERVICE_OF[route]].state.kit.database
    asked = ReadAudit.request_id == answer.headers["X-Request-Id"]
    async with database.read() as session:
        return list(await session.scalars(select(ReadAudit).where(asked)))


@pytest.mark.parametrize("route", [*READINGS, *CHANGES])
async def test_an_answer_leaves_one_row_that_names_the_person(
    maker: Maker, audits: dict[str, str], route: str
) -> None:
    person = {**READINGS, **CHANGES}[route]
    maker.ids["audit_id"] = audits[SERVICE_OF[route]]

    answer = await ask(maker, route)

    assert answer.status_code in {200, 201}, answer.text
    rows = await list_audits(maker, route, answer)
    if not person:
        assert rows == []
        return
    assert [row.kind for row in rows] == [route]
    assert UUID(maker.ids[person]) in rows[0].ids


@pytest.mark.parametrize("route", ["GET /v1/members/{member_id}", "GET /v1/bills/{bill_id}"])
async def test_what_people_read_of_themselves_leaves_no_row(maker: Maker, route: str) -> None:
    oneself = maker.tokens.make(M, member_id=UUID(maker.ids["member_id"]))
    client = maker.platform.clients[SERVICE_OF[route]]

    answer = await client.get(filled(route.split(" ")[1], maker.ids), headers=oneself)

    assert answer.status_code == 200
    assert await list_audits(maker, route, answer) == []


async def test_people_see_who_read_their_data_and_nobody_else_does(maker: Maker) -> None:
    member_id, agent_id, client = new_id(), new_id(), maker.platform.clients["member"]
    await store_audits(maker, "member", [member_id, new_id()])
    await store_audits(maker, "member", [agent_id])
    path = "/v1/me/read-audits/member-service"

    seen = {}
    for name, subject in {
        "member": maker.tokens.make(M, member_id=member_id),
        "agent": maker.tokens.make(A, agent_id=agent_id),
        "agent who is a member": maker.tokens.make(A, agent_id=agent_id, member_id=member_id),
        "another member": maker.tokens.make(M, member_id=new_id()),
        "officer": maker.tokens.make(B, scope=COUNTRY),
    }.items():
        seen[name] = (await client.get(path, headers=subject)).json()["items"]

    counts = {name: len(items) for name, items in seen.items()}
    assert counts == {
        "member": 1,
        "agent": 1,
        "agent who is a member": 2,
        "another member": 0,
        "officer": 0,
    }
    (shown,) = seen["member"]
    assert set(shown) == {"id", "at", "operation", "reader"}
    assert shown["reader"] == {
        "roles": ["branch_officer"],
        "scope_kind": "branch",
        "scope_code": "BWI",
        "agent_id": None,
        "wadah_id": None,
        "client_id": None,
    }


async def test_a_person_s_audits_are_read_page_by_page_newest_first(maker: Maker) -> None:
    member_id, other_id, client = new_id(), new_id(), maker.platform.clients["member"]
    newest = await store_audits(maker, "member", [member_id], count=3)
    await store_audits(maker, "member", [other_id], count=3)
    mine, other = (maker.tokens.make(M, member_id=each) for each in (member_id, other_id))
    path = "/v1/me/read-audits/member-service"

    first = (await client.get(path, params={"limit": 2}, headers=mine)).json()
    cursor = {"cursor": first["next_cursor"]}
    last = (await client.get(path, params=cursor, headers=mine)).json()
    with_another_cursor = (await client.get(path, params=cursor, headers=other)).json()
    wrong = await client.get(path, params={"cursor": "bm90LWFuLWlk"}, headers=mine)

    ids = [each["id"] for each in (*first["items"], *last["items"])]
    assert (ids[0], len(ids), ids) == (str(newest), 3, sorted(ids, reverse=True))
    assert last["next_cursor"] is None
    assert with_another_cursor["items"] == []
    assert (wrong.status_code, wrong.json()["code"]) == (422, "cursor_invalid")


async def test_an_auditor_finds_audits_by_person_and_by_reader_in_scope(maker: Maker) -> None:
    person, reader = UUID(maker.ids["third_member_id"]), new_id()
    client = maker.platform.clients["member"]
    officer = maker.tokens.make(B, scope=BRANCH, account_id=reader)
    await client.get(f"/v1/members/{person}", headers=officer)
    country, branch, away = (
        maker.tokens.make(U, scope=each) for each in (COUNTRY, BRANCH, OTHER_REGION)
    )
    path = "/v1/read-audits/member-service"

    by_person = await client.get(path, params={"person_id": str(person)}, headers=branch)
    by_reader = await client.get(path, params={"account_id": str(reader)}, headers=country)
    refused = [
        await client.get(path, params=params, headers=headers)
        for params, headers in (
            ({"account_id": str(reader)}, branch),
            ({"person_id": str(person), "account_id": str(reader)}, branch),
            ({}, branch),
            ({"person_id": str(person)}, away),
        )
    ]

    assert by_person.json()["items"][0]["account_id"] == str(reader)
    assert [each["account_id"] for each in by_reader.json()["items"]] == [str(reader)]
    detail = await client.get(f"{path}/{by_reader.json()['items'][0]['id']}", headers=country)
    assert detail.json()["person_ids"] == [str(person)]
    assert [each.status_code for each in refused] == [403, 403, 403, 404]


async def test_an_answer_about_ten_thousand_persons_is_one_row_for_each(maker: Maker) -> None:
    persons, client = [new_id() for _ in range(10_000)], maker.platform.clients["payment"]
    audit_id = await store_audits(maker, "payment", persons)
    mine = maker.tokens.make(M, member_id=persons[5_000])
    auditor = maker.tokens.make(U, scope=COUNTRY)

    seen = await client.get("/v1/me/read-audits/payment-service", headers=mine)
    detail = await client.get(f"/v1/read-audits/payment-service/{audit_id}", headers=auditor)

    assert [each["id"] for each in seen.json()["items"]] == [str(audit_id)]
    assert len(detail.json()["person_ids"]) == 10_000
