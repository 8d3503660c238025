"""OAuth clients, and the reference's own sign-in, send a grant as a form (RFC 6749)."""

from typing import Any

import httpx
import pytest
from gateway_tests.gateways import PASSWORD, SERVICE_SECRET

from gateway.sign_ins.schemas import GRANTS

STAFF = {"grant_type": "password", "username": "officer", "password": PASSWORD}


async def send(gateway: Any, fields: Any, **more: Any) -> httpx.Response:
    answer: httpx.Response = await gateway.client.post("/v1/auth/token", data=fields, **more)
    return answer


async def test_a_password_is_taken_as_swagger_ui_sends_it(gateway: Any) -> None:
    await gateway.staff()

    answer = await send(gateway, {**STAFF, "scope": "", "totp": ""}, auth=("", ""))

    token = answer.json()
    me = await gateway.client.get(
        "/v1/me", headers={"Authorization": f"{token['token_type']} {token['access_token']}"}
    )
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert me.json()["username"] == "officer"


async def test_a_refresh_token_is_taken(gateway: Any) -> None:
    await gateway.staff()
    token = (await send(gateway, STAFF)).json()

    answer = await send(
        gateway, {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    )

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != token["refresh_token"]


@pytest.mark.parametrize("place", ["header", "body"])
async def test_a_service_names_itself_in_the_header_or_in_the_form(
    gateway: Any, place: str
) -> None:
    client = {"client_id": "payment-service", "client_secret": SERVICE_SECRET}
    grant = {"grant_type": "client_credentials"}

    answer = (
        await send(gateway, {**grant, **client})
        if place == "body"
        else await send(gateway, grant, auth=tuple(client.values()))
    )

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("fields", "status", "code", "error"),
    [
        ({**STAFF, "password": "wrong"}, 401, "sign_in_refused", "invalid_grant"),
        (
            {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"},
            401,
            "client_refused",
            "invalid_client",
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": "made-up"},
            401,
            "refresh_token_invalid",
            "invalid_grant",
        ),
        ({"grant_type": "password", "username": "officer"}, 422, "invalid", "invalid_request"),
        ({"grant_type": "magic"}, 422, "invalid", "unsupported_grant_type"),
        ({}, 422, "invalid", "invalid_request"),
        ({**STAFF, "username": ["officer", "other"]}, 400, "body_unreadable", "invalid_request"),
    ],
)
async def test_a_refusal_is_a_problem_with_the_error_of_oauth(
    gateway: Any, fields: Any, status: int, code: str, error: str
) -> None:
    await gateway.staff()

    answer = await send(
        gateway, fields, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["error"]) == (status, code, error)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["error_description"] == problem["title"]


async def test_a_form_that_cannot_be_read_is_refused(gateway: Any) -> None:
    answers = [
        await gateway.client.post(
            "/v1/auth/token",
            content=content,
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"},
        )
        for content in (b"grant_type=%ff", b"\xff", b"&".join(b"a%d=1" % n for n in range(60)))
    ]

    assert [each.json()["code"] for each in answers] == ["body_unreadable"] * 3


async def test_json_has_no_error_of_oauth(gateway: Any) -> None:
    answer = await gateway.token(grant_type="password", username="nobody", password="wrong")

    assert answer.status_code == 401
    assert "error" not in answer.json()


async def test_the_document_has_the_form_with_every_field_of_a_grant(gateway: Any) -> None:
    operation = gateway.app.openapi()["paths"]["/v1/auth/token"]["post"]
    content = operation["requestBody"]["content"]

    form = content["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert form.keys() == {name for each in GRANTS.values() for name in each.model_fields}
    assert form["grant_type"]["enum"] == [*GRANTS]
    assert "application/json" in content
