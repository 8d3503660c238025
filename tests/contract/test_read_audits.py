"""Every answer that shows persons leaves one row that names them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from contract.bodies import QUERIES, make_body
from contract.conftest import Platform
from contract.objects import Maker
from contract.roles import ROUTES, B, D, F, M, S, filled
from contract.scopes import COUNTRY
from sqlalchemy import select

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.network import Tokens
from sandbox.openapi.platform import service_documents

PERSONAL = frozenset(
    {
        "account_holder_name",
        "account_no",
        "agent_id",
        "application_id",
        "beneficiary_id",
        "birth_date",
        "display_name",
        "display_name_masked",
        "email",
        "full_name",
        "kk",
        "member_id",
        "nik",
        "phone",
    }
)
"""Fields of an answer, or of an address, that are personal data or tell whose data it is."""

READINGS = {
    "GET /v1/applications": "applicant_id",
    "GET /v1/applications/{application_id}": "applicant_id",
    "GET /v1/applications/{application_id}/identity": "applicant_id",
    "GET /v1/agents": "agent_id",
    "GET /v1/agents/{agent_id}": "agent_id",
    "GET /v1/agents/{agent_id}/identity": "agent_id",
    "GET /v1/agents/{agent_id}/activity": "agent_id",
    "GET /v1/members": "member_id",
    "GET /v1/members/{member_id}": "member_id",
    "GET /v1/members/{member_id}/identity": "member_id",
    "GET /v1/members/{member_id}/corrections": "member_id",
    "GET /v1/members/{member_id}/corrections/{correction_id}": "member_id",
    "GET /v1/members/{member_id}/risk-flags": "member_id",
    "GET /v1/members/{member_id}/contribution-basis": "member_id",
    "GET /v1/members/{member_id}/work-declarations": "member_id",
    "GET /v1/members/{member_id}/attributions": "member_id",
    "GET /v1/members/{member_id}/bpu-evidence": "member_id",
    "GET /v1/members/{member_id}/coverage": "member_id",
    "GET /v1/members/{member_id}/endings": "member_id",
    "GET /v1/enrolment-batches/{batch_id}": "member_id",
    "POST /v1/contribution-bases": "member_id",
    "POST /v1/member-lookups": "member_id",
    "POST /v1/quotes": "member_id",
    "GET /v1/bills": "member_id",
    "GET /v1/bills/{bill_id}": "member_id",
    "GET /v1/orders/{order_id}": "member_id",
    "GET /v1/payments": "member_id",
    "GET /v1/payments/{payment_id}": "member_id",
    "GET /v1/payments/{payment_id}/receipt": "member_id",
    "GET /v1/suspense-items": "",
    "GET /v1/suspense-items/{item_id}": "",
    "GET /v1/statements": "agent_id",
    "GET /v1/statements/{statement_id}": "agent_id",
    "GET /v1/statements/{statement_id}/lines": "agent_id",
    "GET /v1/commission-previews": "agent_id",
    "GET /v1/commission-previews/lines": "agent_id",
}
"""The operations that read, and the person whom they show here. Empty: the money in suspense that
is made here is nobody's."""
CHANGES = {
    "PATCH /v1/members/{member_id}": "member_id",
    "POST /v1/members/{member_id}/work-declarations": "member_id",
    "POST /v1/agents/{agent_id}/suspension": "agent_id",
}
"""Some of the others: their answers show the person too."""
POSTS_THAT_READ = {each for each in READINGS if each.startswith("POST")}
SERVICE_OF = {route: service for service, table in ROUTES.items() for route in table}


@pytest.fixture(scope="module")
async def maker(platform: Platform, tokens: Tokens) -> Maker:
    made = Maker(platform, tokens)
    await made.make_all()
    made.ids["applicant_id"] = str(made.applicant_id)
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
    for document in service_documents().values():
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

    reading = {each for each in showing if each.startswith("GET") or each in POSTS_THAT_READ}
    assert reading == set(READINGS)
    assert set(CHANGES) <= showing


async def ask(maker: Maker, route: str) -> tuple[httpx.Response, dict[str, str]]:
    """Send the request of an officer of the country, or of a service, who is none of the people."""
    service, (method, path) = SERVICE_OF[route], route.split(" ")
    roles = ROUTES[service][route] or frozenset()
    role = next(each for each in (B, F, D, S) if each in roles)
    subject = maker.tokens.make(role, scope=None if role is S else COUNTRY)
    headers = {**subject, "Idempotency-Key": str(new_id()), "If-Match": "*"}
    query = QUERIES.get(route, "").format(**maker.ids)
    answer = await maker.platform.clients[service].request(
        method,
        f"{filled(path, maker.ids)}?{query}",
        json=make_body(route, maker.ids, clock.today()),
        headers=headers,
    )
    return answer, headers


async def list_audits(maker: Maker, route: str, answer: httpx.Response) -> list[ReadAudit]:
    database: Database = maker.platform.apps[SERVICE_OF[route]].state.kit.database
    asked = ReadAudit.request_id == answer.headers["X-Request-Id"]
    async with database.read() as session:
        return list(await session.scalars(select(ReadAudit).where(asked)))


@pytest.mark.parametrize("route", [*READINGS, *CHANGES])
async def test_an_answer_leaves_one_row_that_names_the_person(maker: Maker, route: str) -> None:
    person = {**READINGS, **CHANGES}[route]

    answer, _ = await ask(maker, route)

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
