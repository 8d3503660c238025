"""One document of what the gateway lets through, made of those of the services."""

import json
from typing import Any

import pytest

from sandbox.openapi.merge import merge
from sandbox.openapi.schemas import NameClash

PROBLEMS = {"bill_not_found": {"status": 404}, "account_locked": {"status": 403}}
STRING = {"title": "Thing", "type": "string"}
OTHER = {"title": "Thing", "type": "object"}
PROBLEM = {"title": "Problem", "type": "object"}


def service(path: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Thing"}
    operation = {
        "operationId": f"{path.split('/')[2].replace('-', '_')}.list",
        "responses": {
            "200": {
                "description": "Successful.",
                "content": {"application/json": {"schema": reference}},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Part", "version": "1"},
        "paths": {path: {"get": operation}},
        "components": {"schemas": {"Thing": schema, "Problem": PROBLEM, **more}},
    }


def merged(**documents: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace("_", "-"): document for name, document in documents.items()}
    return merge(named, version="1", problem_codes=PROBLEMS)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {path: item["get"] for path, item in document["paths"].items()}


def test_schemas_of_one_name_and_two_meanings_are_refused() -> None:
    with pytest.raises(NameClash, match="Thing"):
        merged(
            agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", OTHER)
        )


def test_two_classes_of_one_name_in_a_service_are_refused() -> None:
    other = {"title": "ThingOut", "type": "object"}

    with pytest.raises(NameClash, match="Thing"):
        merged(agent_service=service("/v1/agents", STRING, agents__ThingOut=other))


def test_schemas_of_one_meaning_stand_once() -> None:
    document = merged(
        agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", STRING)
    )

    assert document["components"]["schemas"] == {"Thing": STRING, "Problem": PROBLEM}


def test_a_schema_has_the_name_of_its_title_without_out_wherever_it_is_used() -> None:
    thing = {"title": "Thing", "properties": {"page": {"$ref": "#/components/schemas/Page_Part_"}}}
    page = {"title": "PartOut", "type": "object"}

    document = merged(agent_service=service("/v1/agents", thing, Page_Part_=page))

    schemas = document["components"]["schemas"]
    assert schemas["Thing"]["properties"]["page"] == {"$ref": "#/components/schemas/Part"}
    assert schemas["Part"] == {"title": "Part", "type": "object"}


def test_a_title_that_only_repeats_the_name_of_a_field_is_left_out() -> None:
    thing = {"title": "Thing", "properties": {"title": {"title": "Title", "type": "string"}}}

    document = merged(agent_service=service("/v1/agents", thing))

    assert document["components"]["schemas"]["Thing"]["properties"] == {"title": {"type": "string"}}
    assert document["info"]["title"] == "Perisai"


@pytest.mark.parametrize(
    ("bounds", "size"),
    [
        ({}, "int64"),
        ({"minimum": 0}, "int64"),
        ({"maximum": 10}, "int64"),
        ({"minimum": 0, "maximum": 2**53}, "int64"),
        ({"minimum": 1, "maximum": 200}, "int32"),
        ({"exclusiveMinimum": 0, "maximum": 2**31 - 1}, "int32"),
    ],
)
def test_an_integer_says_how_many_bits_hold_it(bounds: dict[str, int], size: str) -> None:
    amount = {"type": "integer", **bounds}
    thing = {"title": "Thing", "properties": {"amount": {"anyOf": [amount, {"type": "null"}]}}}

    document = merged(agent_service=service("/v1/agents", thing))

    found = document["components"]["schemas"]["Thing"]["properties"]["amount"]["anyOf"][0]
    assert found["format"] == size


def test_only_what_the_gateway_forwards_is_documented() -> None:
    document = merged(
        agent_service=service("/v1/bills", STRING),
        member_service=service("/x/feed", STRING),
        payment_service=service("/v1/payments", STRING),
    )

    assert list(document["paths"]) == ["/v1/payments"]


def test_schemas_nobody_needs_are_left_out_and_needed_ones_are_followed() -> None:
    thing = {"title": "Thing", "properties": {"part": {"$ref": "#/components/schemas/Part"}}}
    part, unused = {"title": "Part"}, {"title": "Unused"}

    document = merged(agent_service=service("/v1/agents", thing, Part=part, Unused=unused))

    assert set(document["components"]["schemas"]) == {"Thing", "Part", "Problem"}


def test_an_operation_stands_in_one_of_the_declared_groups() -> None:
    document = merged(agent_service=service("/v1/agents", STRING))

    declared = [tag["name"] for tag in document["tags"]]
    assert declared[:2] == ["Sign in", "Members"]
    assert operations(document)["/v1/agents"]["tags"] == ["Agents"]
    with pytest.raises(KeyError, match="wadah_members"):
        merged(
            agent_service={
                **service("/v1/agents", STRING),
                "paths": {
                    "/v1/agents": {"get": {"operationId": "wadah_members.list", "responses": {}}}
                },
            }
        )


def test_two_operations_of_one_name_are_refused() -> None:
    twice = service("/v1/agents", STRING)
    twice["paths"]["/v1/agents/{agent_id}"] = twice["paths"]["/v1/agents"]

    with pytest.raises(ValueError, match=r"agents\.list"):
        merged(agent_service=twice)


def test_each_operation_says_who_may_ask() -> None:
    listed = service("/v1/bank-partners", STRING)
    listed["paths"]["/v1/bank-partners"]["get"]["x-roles"] = ["admin", "branch_officer"]
    unlimited = service("/v1/agents", STRING)
    unlimited["paths"]["/v1/agents"]["get"]["x-roles"] = []
    public = service("/v1/server-time", STRING)
    public["paths"]["/v1/server-time"]["get"]["operationId"] = "server.get_time"

    looked_up = service("/v1/member-lookups", STRING)
    looked_up["paths"]["/v1/member-lookups"]["get"]["operationId"] = "members.look_up"

    document = merged(
        gateway=public,
        agent_service=unlimited,
        payment_service=listed,
        member_service=looked_up,
    )

    found = operations(document)
    assert found["/v1/server-time"]["security"] == []
    assert found["/v1/agents"]["security"] == [{"access_token": []}, {"sign_in": []}]
    assert "x-roles" not in found["/v1/agents"]
    assert found["/v1/bank-partners"]["x-roles"] == ["admin"]  # the gateway lets no officer pass
    assert found["/v1/member-lookups"]["x-roles"] == ["admin", "branch_officer", "service"]


def test_each_operation_names_every_status_it_may_be_refused_with() -> None:
    unasked = service("/v1/branches", STRING)
    unasked["paths"]["/v1/branches"]["get"]["responses"]["4XX"] = {"description": "Any."}
    asked = service("/v1/bills", STRING)
    asked["paths"]["/v1/bills"]["get"] |= {
        "requestBody": {},
        "x-idempotency-key-required": True,
        "parameters": [{"name": "Idempotency-Key", "in": "header"}],
        "responses": {
            "201": {"description": "Made."},
            "409": {"description": "`month_already_billed`: …"},
        },
    }

    document = merged(agent_service=unasked, payment_service=asked)

    found = operations(document)
    refused = {"400", "401", "403", "422", "429", "502", "503", "504"}
    answers = found["/v1/bills"]["responses"]
    assert set(found["/v1/branches"]["responses"]) == {"200", "304"} | refused
    assert set(answers) == refused | {"201", "409", "413", "415"}
    assert "`idempotency_key_in_use`" in answers["409"]["description"]


def test_a_body_that_may_also_be_a_form_is_described_as_json() -> None:
    document = service("/v1/bills", STRING)
    form, json_body = {"schema": {"type": "object"}}, {"schema": {"type": "string"}}
    document["paths"]["/v1/bills"]["get"]["requestBody"] = {
        "content": {"application/json": json_body, "application/x-www-form-urlencoded": form}
    }

    whole = merged(payment_service=document)

    body = operations(whole)["/v1/bills"]["requestBody"]
    assert body["content"] == {"application/json": json_body}


def test_answers_name_the_headers_they_have() -> None:
    document = service("/v1/bills", STRING)
    operation = document["paths"]["/v1/bills"]["get"]
    operation["parameters"] = [{"name": "Idempotency-Key", "in": "header"}]

    whole = merged(payment_service=document)

    declared = whole["components"]["headers"]
    answers = operations(whole)["/v1/bills"]["responses"]
    always = {"RateLimit", "RateLimit-Policy", "X-Request-Id"}
    assert set(answers["200"]["headers"]) == always | {"ETag", "Idempotency-Replayed"}
    assert answers["200"]["headers"]["ETag"] == {"$ref": "#/components/headers/ETag"}
    assert declared["ETag"]["required"]
    assert not declared["Idempotency-Replayed"]["required"]
    limited = whole["components"]["responses"][answers["429"]["$ref"].rpartition("/")[2]]
    assert set(limited["headers"]) == always | {"Retry-After"}
    unchanged = whole["components"]["responses"][answers["304"]["$ref"].rpartition("/")[2]]
    assert set(unchanged["headers"]) == always | {"ETag"}
    assert "content" not in unchanged


def test_an_answer_many_have_in_common_stands_once() -> None:
    document = merged(
        agent_service=service("/v1/agents", STRING), payment_service=service("/v1/bills", STRING)
    )

    (reference,) = {
        operation["responses"]["429"]["$ref"] for operation in operations(document).values()
    }
    assert reference.rpartition("/")[2] in document["components"]["responses"]


def test_the_problem_codes_are_listed() -> None:
    assert list(merged()["x-problem-codes"]) == ["account_locked", "bill_not_found"]


def test_the_documents_given_are_left_as_they_are() -> None:
    given = service("/v1/bills", STRING)
    before = json.dumps(given)

    merged(agent_service=service("/v1/agents", STRING), payment_service=given)

    assert json.dumps(given) == before
