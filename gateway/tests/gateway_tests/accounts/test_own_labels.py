"""What `/v1/me` calls the account that is signed in."""

from typing import Any

import httpx
from gateway_tests.gateways import PHONE, bearer

from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Wire


async def sign_in(gateway: Any, members: Any, *, is_member: bool = True) -> dict[str, str]:
    """Sign in with `PHONE`, whose member has a masked label; return the header."""
    people = [{"member_id": str(new_id()), "display_name_masked": "S*** A***"}]
    members[PHONE] = people if is_member else []
    return bearer((await gateway.otp_session())["access_token"])


async def read_label(gateway: Any, headers: dict[str, str]) -> str:
    answer = await gateway.client.get("/v1/me", headers=headers)
    assert answer.status_code == 200, answer.text
    label: str = answer.json()["display_label"]
    return label


async def test_members_read_their_own_name_whole_as_member_service_shows_it_to_them(
    gateway: Any, members: Any, network: Wire
) -> None:
    headers = await sign_in(gateway, members)
    asked: list[httpx.Request] = []

    def show(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"full_name": "Siti Aminah", "nik": "3510********0001"})

    network.answer("member", show)

    label = await read_label(gateway, headers)

    assert label == "Siti Aminah"
    (request,) = asked
    assert request.url.path == f"/v1/members/{members[PHONE][0]['member_id']}"
    assert request.headers["Authorization"] == headers["Authorization"]


async def test_a_corrected_name_is_the_label_at_once_and_nothing_of_it_is_stored(
    gateway: Any, members: Any, network: Wire
) -> None:
    headers = await sign_in(gateway, members)
    network.answer("member", lambda _: httpx.Response(200, json={"full_name": "Siti Amina"}))
    first = await gateway.client.get("/v1/me", headers=headers)
    network.answer("member", lambda _: httpx.Response(200, json={"full_name": "Siti Aminah"}))

    again = await gateway.client.get(
        "/v1/me", headers={**headers, "If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, again.json()["display_label"]) == (200, "Siti Aminah")
    account_id = again.json()["account_id"]
    admin = await gateway.signed_in(Role.ADMIN)
    shown = await gateway.client.get(f"/v1/accounts/{account_id}", headers=admin)
    assert shown.json()["display_label"] == "S*** A***"


async def test_the_label_is_masked_while_member_service_is_away(
    gateway: Any, members: Any, network: Wire
) -> None:
    headers = await sign_in(gateway, members)
    answers = [
        httpx.Response(503, json={"code": "unavailable"}),
        httpx.Response(200, json={"nik": "3510"}),
        httpx.Response(401, json={}),
    ]
    network.answer("member", lambda _: answers.pop())

    labels = [await read_label(gateway, headers) for _ in range(3)]

    assert labels == ["S*** A***"] * 3


async def test_an_agent_without_a_member_record_reads_the_name_of_the_agent(
    gateway: Any, members: Any, network: Wire
) -> None:
    session = await sign_in(gateway, members, is_member=False)
    account_id = (await gateway.client.get("/v1/me", headers=session)).json()["account_id"]
    headers = await gateway.signed_in(Role.AGENT, account_id=account_id, agent_id=new_id())

    def show(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/me/agent"
        return httpx.Response(200, json={"full_name": "Budi Santoso"})

    network.answer("agent", show)

    assert await read_label(gateway, headers) == "Budi Santoso"


async def test_who_has_no_name_yet_reads_the_own_number_whole(gateway: Any, members: Any) -> None:
    headers = await sign_in(gateway, members, is_member=False)

    assert await read_label(gateway, headers) == PHONE


async def test_staff_read_their_label(gateway: Any) -> None:
    officer = await gateway.staff("officer.1", role=Role.AUDITOR)
    headers = await gateway.signed_in(Role.AUDITOR, account_id=officer.id)

    assert await read_label(gateway, headers) == "An officer"
