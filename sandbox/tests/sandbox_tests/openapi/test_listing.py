"""docs/api.txt: a line per operation."""

from typing import Any

from sandbox.openapi.listing import HEAD, listing


def answer(*names: str) -> dict[str, Any]:
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"content": {"application/json": {"schema": schema}}}


def test_a_line_says_roles_body_and_answers() -> None:
    document = {
        "paths": {
            "/v1/bills": {
                "post": {
                    "operationId": "bills.issue",
                    "security": [{"access_token": []}],
                    "x-roles": ["admin", "agent"],
                    "requestBody": {"required": True, **answer("NewBill")},
                    "responses": {"422": answer("Problem"), "201": answer("Bill")},
                },
                "get": {
                    "operationId": "bills.list",
                    "security": [{"access_token": []}],
                    "requestBody": answer("Filter"),
                    "responses": {"200": answer("Bill", "Notice"), "204": {}},
                },
            },
            "/v1/server-time": {
                "get": {
                    "operationId": "server.get_time",
                    "security": [],
                    "responses": {"200": {"content": {"text/plain": {"schema": {}}}}},
                }
            },
        }
    }

    assert listing(document).removeprefix(HEAD).splitlines() == [
        "POST /v1/bills | bills.issue | admin agent | NewBill | 201 Bill 422",
        "GET /v1/bills | bills.list | signed in | Filter? | 200 Bill/Notice 204",
        "GET /v1/server-time | server.get_time | public | - | 200 text/plain",
    ]
