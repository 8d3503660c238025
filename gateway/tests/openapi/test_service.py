"""One document of the whole platform."""

import json
from typing import Any

from gateway.openapi.service import as_text, merge, own_document

PROBLEMS = {"bill_not_found": {"status": 404}, "account_locked": {"status": 403}}


def service(path: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Thing"}
    operation = {
        "operationId": "list_all",
        "responses": {"200": {"content": {"application/json": {"schema": reference}}}},
    }
    return {
        "openapi": "3.1.0",
        "paths": {path: {"get": operation}},
        "components": {"schemas": {"Thing": schema, **more}},
    }


def merged(**documents: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace("_", "-"): document for name, document in documents.items()}
    return merge(named, version="1", problem_codes=PROBLEMS)


STRING, NUMBER = {"type": "string"}, {"type": "number"}


def test_schemas_of_one_name_and_two_meanings_get_two_names() -> None:
    document = merged(
        agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", NUMBER)
    )

    schemas = document["components"]["schemas"]
    answer = document["paths"]["/v1/bills"]["get"]["responses"]["200"]
    assert schemas == {"Thing": STRING, "PaymentThing": NUMBER}
    assert answer["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/PaymentThing"
    }


def test_schemas_that_only_differ_in_a_part_get_two_names() -> None:
    page = {"items": {"$ref": "#/components/schemas/Part"}}

    document = merged(
        agent_service=service("/v1/agents", page, Part=STRING),
        payment_service=service("/v1/bills", page, Part=NUMBER),
    )

    schemas = document["components"]["schemas"]
    assert schemas["Thing"] == page
    assert schemas["PaymentThing"] == {"items": {"$ref": "#/components/schemas/PaymentPart"}}
    assert schemas["Part"] == STRING


def test_schemas_of_one_meaning_stand_once() -> None:
    document = merged(
        agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", STRING)
    )

    assert document["components"]["schemas"] == {"Thing": STRING}


def test_operations_keep_names_of_their_own() -> None:
    document = merged(
        agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", STRING)
    )

    names = [item["get"]["operationId"] for item in document["paths"].values()]
    assert sorted(names) == ["list_all", "payment_service_list_all"]


def test_only_what_the_gateway_forwards_is_documented() -> None:
    document = merged(
        agent_service=service("/v1/bills", STRING),
        member_service=service("/feed", STRING),
        payment_service=service("/snap/v1.0/transfer-va/payment", STRING),
    )

    assert list(document["paths"]) == ["/snap/v1.0/transfer-va/payment"]


def test_schemas_nobody_needs_are_left_out_and_needed_ones_are_followed() -> None:
    thing = {"properties": {"part": {"$ref": "#/components/schemas/Part"}}}

    document = merged(agent_service=service("/v1/agents", thing, Part=STRING, Unused=NUMBER))

    assert set(document["components"]["schemas"]) == {"Thing", "Part"}


def test_each_operation_says_who_may_ask() -> None:
    document = merged(
        gateway=service("/v1/auth/token", STRING),
        agent_service=service("/v1/agents", STRING),
        payment_service=service("/v1/account-verifications", STRING),
    )

    operations = {path: item["get"] for path, item in document["paths"].items()}
    assert operations["/v1/auth/token"]["security"] == []
    assert operations["/v1/agents"]["security"] == [{"access_token": []}]
    assert operations["/v1/account-verifications"]["x-roles"] == ["service"]


def test_each_operation_names_every_status_it_may_be_refused_with() -> None:
    unasked = service("/v1/branches", STRING)
    unasked["paths"]["/v1/branches"]["get"]["responses"]["4XX"] = {"description": "Any."}
    asked = service("/v1/bills", NUMBER)
    asked["paths"]["/v1/bills"]["get"] |= {
        "requestBody": {},
        "x-idempotency-key-required": True,
        "responses": {"409": {"description": "`month_already_billed`: …"}},
    }

    document = merged(agent_service=unasked, payment_service=asked)

    operations = {path: item["get"] for path, item in document["paths"].items()}
    refused = {"400", "401", "403", "422", "429", "502", "503", "504"}
    assert set(operations["/v1/branches"]["responses"]) == {"200"} | refused
    assert set(operations["/v1/bills"]["responses"]) == refused | {"409", "413", "415"}
    assert "`idempotency_key_in_use`" in operations["/v1/bills"]["responses"]["409"]["description"]


def test_an_answer_many_have_in_common_stands_once() -> None:
    document = merged(
        agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", STRING)
    )

    shared = document["components"]["responses"]
    (busy,) = {item["get"]["responses"]["429"]["$ref"] for item in document["paths"].values()}
    assert "Retry-After" in shared[busy.rpartition("/")[2]]["headers"]


def test_the_problem_codes_are_listed() -> None:
    assert list(merged()["x-problem-codes"]) == ["account_locked", "bill_not_found"]


def test_the_documents_given_are_left_as_they_are() -> None:
    given = service("/v1/bills", NUMBER)
    before = json.dumps(given)

    merged(agent_service=service("/v1/agents", STRING), payment_service=given)

    assert json.dumps(given) == before


def test_one_content_has_one_text() -> None:
    document = merged(agent_service=service("/v1/agents", STRING))

    assert as_text(json.loads(as_text(document))) == as_text(document)


async def test_our_own_document_merges_and_is_served(gateway: Any) -> None:
    own = own_document(gateway.app)

    document = merge({"gateway": own}, version="1", problem_codes=PROBLEMS)
    answer = await gateway.client.get("/openapi.json")
    served = answer.json()
    docs = await gateway.client.get("/docs")

    assert "/v1/auth/token" in document["paths"]
    assert "/.well-known/jwks.json" in document["paths"]
    assert "/v1/auth/token" in served["paths"]
    assert "swagger-ui" in docs.text
    assert answer.headers["cache-control"] == "no-cache"
