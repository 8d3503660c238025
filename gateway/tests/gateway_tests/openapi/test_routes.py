"""Public routes: the time, and the document of the API."""

import re
from datetime import UTC, datetime
from typing import Any

from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id


async def test_the_servers_time_is_the_platforms(gateway: Any, business_time: Any) -> None:
    business_time.at(datetime(2026, 10, 31, 18, 0, tzinfo=UTC))

    answer = (await gateway.client.get("/v1/server-time")).json()

    assert answer["now"].startswith("2026-10-31T18:00:0")
    assert answer["today"] == "2026-11-01"
    assert answer["timezone"] == "Asia/Jakarta"


async def test_a_document_that_has_not_changed_is_not_sent_again(gateway: Any) -> None:
    etag = (await gateway.client.get("/openapi.json")).headers["etag"]

    answers = [
        await gateway.client.get("/openapi.json", headers={"If-None-Match": known})
        for known in (etag, f'"other", {etag}', '"other"')
    ]

    assert [each.status_code for each in answers] == [304, 304, 200]
    assert answers[0].content == b""
    assert answers[0].headers["cache-control"] == "no-cache"


async def test_the_document_is_sent_compressed(gateway: Any) -> None:
    compressed = await gateway.client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    plain = await gateway.client.get("/openapi.json", headers={"Accept-Encoding": "identity"})

    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    assert compressed.json() == plain.json()
    assert "Accept-Encoding" in compressed.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]
    assert compressed.headers["etag"] == f"W/{plain.headers['etag']}"


async def test_every_operation_refuses_a_query_parameter_that_its_document_does_not_have(
    gateway: Any,
) -> None:
    headers = await gateway.signed_in(*(frozenset(Role) - {Role.WADAH_ADMIN, Role.BANK_ENGINEER}))
    wrong = {}

    for path, methods in gateway.app.openapi()["paths"].items():
        for method, operation in methods.items():
            address = re.sub(r"\{\w+\}", str(new_id()), path)
            sent = {**headers, "Idempotency-Key": "unknown-parameter"}
            answer = await gateway.client.request(method, f"{address}?surprise=1", headers=sent)
            allowed = [
                each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
            ]
            found = (answer.status_code, answer.json().get("details"))
            if found != (422, {"allowed": sorted(allowed)}):
                wrong[f"{method} {path}"] = found

    assert wrong == {}


async def test_the_document_that_was_made_is_served(gateway: Any) -> None:
    answer = await gateway.client.get("/openapi.json")
    docs = await gateway.client.get("/docs")

    assert {"/v1/auth/token", "/.well-known/jwks.json"} < answer.json()["paths"].keys()
    assert answer.headers["cache-control"] == "no-cache"
    assert "swagger-ui" in docs.text
