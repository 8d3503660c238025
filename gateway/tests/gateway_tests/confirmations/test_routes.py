"""Codes that confirm a change: bound to it, counted apart, and never sent to an agent's number."""

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import PHONE, MakeGateway

from gateway.confirmations import service
from gateway.people import service as people
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import Wire

OTHER_PHONE = "+6281200000009"
SENDING, TRYING = "/v1/confirmation-codes", "/v1/confirmation-codes/verification"


class Change:
    """A change of a member that is to be confirmed, as member-service asks for it."""

    def __init__(self, gateway: Any, headers: dict[str, str], phone: str = PHONE) -> None:
        self.gateway, self.headers, self.phone = gateway, headers, phone
        self.subject_id, self.member_id = str(new_id()), str(new_id())

    async def send(self) -> httpx.Response:
        body = {
            "subject_id": self.subject_id,
            "member_id": self.member_id,
            "phone": self.phone,
        }
        answer: httpx.Response = await self.gateway.client.post(
            SENDING, json=body, headers=self.headers
        )
        return answer

    async def code(self) -> str:
        sent = await self.send()
        assert sent.status_code == 202, sent.text
        outbox = await self.gateway.client.post(
            "/v1/sandbox/otp-outbox", json={"phone": self.phone}
        )
        newest = outbox.json()["codes"][0]
        assert newest["purpose"] == "confirmation"
        code: str = newest["code"]
        return code

    async def attempt(self, code: str, **differences: Any) -> httpx.Response:
        body = {"subject_id": self.subject_id, "phone": self.phone, "code": code, **differences}
        answer: httpx.Response = await self.gateway.client.post(
            TRYING, json=body, headers=self.headers
        )
        return answer

    async def confirms(self, code: str, **differences: Any) -> bool:
        answer = await self.attempt(code, **differences)
        assert answer.status_code == 200, answer.text
        confirmed: bool = answer.json()["confirmed"]
        return confirmed


@pytest.fixture
async def change(gateway: Any) -> Change:
    return Change(gateway, await gateway.signed_in(Role.SERVICE))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_confirms_its_change_once(change: Change) -> None:
    code = await change.code()

    assert not await change.confirms(wrong(code))
    assert await change.confirms(code)
    assert not await change.confirms(code)


async def test_a_code_confirms_nothing_else(change: Change) -> None:
    code = await change.code()

    assert not await change.confirms(code, subject_id=str(new_id()))
    assert not await change.confirms(code, phone=OTHER_PHONE)
    assert await change.confirms(code)


async def test_a_new_code_replaces_the_earlier_one(change: Change) -> None:
    first = await change.code()
    second = await change.code()

    assert first == second or not await change.confirms(first)
    assert await change.confirms(second)


async def test_after_five_wrong_codes_the_right_one_is_refused(change: Change) -> None:
    code = await change.code()
    for _ in range(5):
        assert not await change.confirms(wrong(code))

    assert not await change.confirms(code)


async def test_an_expired_code_confirms_nothing(change: Change) -> None:
    parts, code = change.gateway.parts, await change.code()
    asked: dict[str, Any] = {
        "subject_id": uuid.UUID(change.subject_id),
        "phone": PHONE,
        "code": code,
    }
    expired = clock.real_now() + timedelta(seconds=parts.settings.otp_s)

    assert not await service.try_code(parts, **asked, now=expired)
    assert await service.try_code(parts, **asked, now=clock.real_now())


async def test_neither_kind_of_code_serves_for_the_other(change: Change) -> None:
    device = f"a{change.subject_id}"
    sign_in = await change.gateway.code(PHONE, device)
    confirmation = await change.code()
    grant = {"grant_type": "otp", "phone": PHONE, "device_id": device}

    assert sign_in == confirmation or not await change.confirms(sign_in)
    signed_in = await change.gateway.token(**grant, code=confirmation)
    assert signed_in.status_code == (200 if sign_in == confirmation else 401)


async def test_codes_for_a_number_are_throttled_apart_from_sign_in(change: Change) -> None:
    answers = [(await change.send()).status_code for _ in range(6)]
    other_change = Change(change.gateway, change.headers)

    again = await other_change.send()

    assert answers == [202] * 5 + [429]
    assert (again.status_code, again.json()["code"]) == (429, "sign_in_throttled")
    assert int(again.headers["retry-after"]) > 0
    assert (await change.gateway.otp_session(PHONE))["account_id"]


async def test_wrong_codes_for_a_number_are_throttled_over_all_changes(change: Change) -> None:
    for _ in range(20):
        other = Change(change.gateway, change.headers)
        assert not await other.confirms("000000")

    refused = await change.attempt("000000")

    assert (refused.status_code, refused.json()["code"]) == (429, "sign_in_throttled")


@pytest.mark.parametrize("still", [True, False])
async def test_no_code_goes_to_the_number_of_an_agent(change: Change, still: bool) -> None:
    session = await change.gateway.otp_session(PHONE)
    account_id, agent_id, now = uuid.UUID(session["account_id"]), new_id(), clock.real_now()
    async with change.gateway.parts.database.begin() as transaction:
        await people.add_agent(
            transaction,
            account_id=account_id,
            agent_id=agent_id,
            wadah_id=new_id(),
            branch_code="BWI",
            region_code="JATIM",
            now=now,
        )
        if not still:
            await people.remove_agent(
                transaction, account_id=account_id, agent_id=agent_id, now=now
            )

    answer = await change.send()

    assert (answer.status_code, answer.json()["code"]) == (409, "phone_of_agent")


async def test_an_agent_confirms_changes_of_the_own_membership(
    change: Change, members: dict[str, list[dict[str, str]]]
) -> None:
    members[PHONE] = [{"member_id": change.member_id, "display_name_masked": "S***"}]
    session = await change.gateway.otp_session(PHONE)
    async with change.gateway.parts.database.begin() as transaction:
        await people.add_agent(
            transaction,
            account_id=uuid.UUID(session["account_id"]),
            agent_id=new_id(),
            wadah_id=new_id(),
            branch_code="BWI",
            region_code="JATIM",
            now=clock.real_now(),
        )

    assert await change.confirms(await change.code())


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SERVICE}))
@pytest.mark.parametrize("path", [SENDING, TRYING, "/v1/phone-notices"])
async def test_people_have_no_access(gateway: Any, role: Role, path: str) -> None:
    answer = await gateway.client.post(path, json={}, headers=await gateway.signed_in(role))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_notice_goes_to_a_number_without_an_account_once(change: Change) -> None:
    notice = {"id": str(new_id()), "phone": PHONE, "template": "member_phone_changing"}

    for _ in range(2):
        answer = await change.gateway.client.post(
            "/v1/phone-notices", json=notice, headers=change.headers
        )
        assert answer.status_code == 202
        await change.gateway.send_notices()

    assert await change.gateway.notices_to(PHONE) == ["member_phone_changing"]


async def test_the_message_says_what_a_code_is_for(
    make_gateway: MakeGateway, network: Wire
) -> None:
    sent: list[dict[str, str]] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(httpx.Response(200, content=request.content).json())
        return httpx.Response(202)

    network.answer("sender", take)
    made = await make_gateway(otp_sender_url="http://sender/otp", otp_sender_secret="s")

    await made.client.post("/v1/auth/otp", json={"phone": PHONE, "device_id": "phone-1"})
    body = {"subject_id": str(new_id()), "member_id": str(new_id()), "phone": PHONE}
    await made.client.post(SENDING, json=body, headers=await made.signed_in(Role.SERVICE))

    assert [each["purpose"] for each in sent] == ["sign_in", "confirmation"]
    assert sent[1]["language"] == "id"
