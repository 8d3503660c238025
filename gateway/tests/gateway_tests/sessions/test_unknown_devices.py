"""Tries of unknown devices do not lock the owner of a number or a name out."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import PASSWORD, PHONE, MakeGateway
from sqlalchemy import func, select

from gateway.passwords import (
    AT_ONCE,
    FLOOR,
    NICENESS,
    WAITING_AT_MOST,
    Requester,
    SignInBusy,
    queue,
)
from gateway.throttles.models import ThrottleCount
from perisai_kit.auth.principal import Role

OWNER, UNKNOWN = "203.0.113.1", "203.0.113.2"
MANY = [f"198.51.100.{number}" for number in range(1, 21)]


@dataclass
class Proxied:
    """A gateway behind a proxy that reports the address of the client."""

    client: httpx.AsyncClient

    async def ask(self, address: str, device_id: str, phone: str = PHONE) -> int:
        """Ask for a code; return the status."""
        body = {"phone": phone, "device_id": device_id}
        answer = await self._post("/v1/auth/otp", body, address)
        return answer.status_code

    async def code(self) -> str:
        """Read the last code from the outbox."""
        outbox = await self._post("/v1/sandbox/otp-outbox", {"phone": PHONE}, OWNER)
        return str(outbox.json()["codes"][0]["code"])

    async def try_code(self, address: str, device_id: str, code: str) -> int:
        body = {"grant_type": "otp", "phone": PHONE, "device_id": device_id, "code": code}
        return (await self._post("/v1/auth/token", body, address)).status_code

    async def sign_in(self, address: str, device_id: str) -> int:
        """Sign in with a code; return the status."""
        asked = await self.ask(address, device_id)
        if asked != 202:
            return asked
        return await self.try_code(address, device_id, await self.code())

    async def password(
        self, address: str, password: str, *, name: str = "officer", device_id: str | None = None
    ) -> httpx.Response:
        body = {"grant_type": "password", "username": name, "password": password}
        if device_id is not None:
            body["device_id"] = device_id
        return await self._post("/v1/auth/token", body, address)

    async def _post(self, path: str, body: dict[str, str], address: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers={"X-Forwarded-For": address})


TRUSTING = {"trusted_proxies": ("127.0.0.0/8",), "rate_limits": {"auth": 1_000_000}}


@pytest.fixture
async def proxied(make_gateway: MakeGateway) -> Proxied:
    made = await make_gateway(
        **TRUSTING,
        otp_sends_per_phone=15,
        password_attempts_per_name=15,
        otp_attempts_per_phone_and_address=6,
        otp_attempts_per_phone=15,
    )
    return Proxied(made.client)


async def test_thirty_requests_of_an_unknown_device_do_not_lock_a_phone_out(
    proxied: Proxied,
) -> None:
    strange = [await proxied.ask(UNKNOWN, f"strange-{number}") for number in range(30)]

    owner = await proxied.sign_in(OWNER, "new-phone")

    assert strange == [202] * 10 + [429] * 20
    assert owner == 200


async def test_a_known_device_gets_codes_while_others_use_up_the_number(
    proxied: Proxied,
) -> None:
    await proxied.sign_in(OWNER, "own-phone")

    strange = [await proxied.ask(address, "strange") for address in MANY]
    unknown = await proxied.ask(OWNER, "another-phone")
    own = await proxied.sign_in(UNKNOWN, "own-phone")

    assert strange == [202] * 15 + [429] * 5
    assert unknown == 429
    assert own == 200


async def test_a_known_device_has_an_allowance_that_ends_too(proxied: Proxied) -> None:
    await proxied.sign_in(OWNER, "own-phone")

    asked = [await proxied.ask(OWNER, "own-phone") for _ in range(11)]
    other_number = await proxied.ask(OWNER, "own-phone", phone="+6285200000001")

    assert asked == [202] * 10 + [429]
    assert other_number == 202


async def test_wrong_codes_of_another_device_do_not_spoil_the_owners_code(proxied: Proxied) -> None:
    await proxied.ask(OWNER, "own-phone")
    code = await proxied.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    await proxied.ask(UNKNOWN, "strange")

    strange = [await proxied.try_code(UNKNOWN, "strange", wrong) for _ in range(8)]
    stolen = await proxied.try_code(UNKNOWN, "strange", code)
    owner = await proxied.try_code(OWNER, "own-phone", code)

    assert strange == [401] * 6 + [429] * 2
    assert stolen == 429
    assert owner == 200


async def test_wrong_codes_from_many_addresses_leave_a_known_device_its_own(
    proxied: Proxied,
) -> None:
    await proxied.sign_in(OWNER, "own-phone")

    strange = [await proxied.try_code(address, "strange", "000000") for address in MANY]
    own = await proxied.sign_in(OWNER, "own-phone")

    assert strange == [401] * 15 + [429] * 5
    assert own == 200


async def test_an_unknown_device_does_not_lock_a_name_out(proxied: Proxied, gateway: Any) -> None:
    await gateway.staff()

    strange = [(await proxied.password(UNKNOWN, "wrong")).status_code for _ in range(12)]
    owner = await proxied.password(OWNER, PASSWORD)

    assert strange == [401] * 10 + [429] * 2
    assert owner.status_code == 200


@pytest.mark.soak
async def test_many_addresses_lock_no_known_device_out(proxied: Proxied, gateway: Any) -> None:
    account = await gateway.staff()
    await proxied.password(OWNER, PASSWORD, device_id="own-laptop")

    strange = [(await proxied.password(address, "wrong")).status_code for address in MANY]
    unknown = await proxied.password(OWNER, PASSWORD, device_id="another-laptop")
    own = await proxied.password(UNKNOWN, PASSWORD, device_id="own-laptop")

    assert strange == [401] * 15 + [429] * 5
    assert unknown.status_code == 429
    assert own.status_code == 200
    assert [each["change"] for each in await gateway.history(account.id)] == ["locked_out"]


async def test_a_known_device_guesses_no_more_often_than_others(
    proxied: Proxied, gateway: Any
) -> None:
    await gateway.staff()
    await proxied.password(OWNER, PASSWORD, device_id="own-laptop")

    tries = [
        (await proxied.password(address, "wrong", device_id="own-laptop")).status_code
        for address in MANY[:11]
    ]

    assert tries == [401] * 10 + [429]


async def test_failed_sign_ins_are_events_without_names(
    proxied: Proxied, gateway: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    account = await gateway.staff()
    capfd.readouterr()

    await proxied.password(OWNER, "not the password")
    await proxied.password(OWNER, "not the password", name="nobody.known")
    await proxied.try_code(OWNER, "own-phone", "000000")

    logged = capfd.readouterr().err
    assert logged.count('"sign_in.failed"') == 3
    assert logged.count(str(account.id)) == 1
    assert "nobody.known" not in logged
    assert "officer" not in logged
    assert OWNER not in logged


@pytest.fixture
async def costly(make_gateway: MakeGateway) -> Proxied:
    """Where a hash takes as long as the fastest one outside a sandbox."""
    cost = {"password_hash_kib": FLOOR.kib, "password_hash_passes": FLOOR.passes}
    return Proxied((await make_gateway(**TRUSTING, **cost)).client)


async def test_sixty_made_up_sign_ins_at_once_are_answered_and_a_real_one_follows(
    costly: Proxied, gateway: Any
) -> None:
    await gateway.staff()
    made_up = [
        asyncio.create_task(costly.password(MANY[number % 20], "wrong", name=f"name.{number}"))
        for number in range(60)
    ]
    clock = await costly.client.get("/v1/server-time")
    open_then = sum(not task.done() for task in made_up)

    answers = await asyncio.gather(*made_up)
    real = await costly.password(OWNER, PASSWORD)

    statuses = [each.status_code for each in answers]
    assert set(statuses) <= {401, 429, 503}
    assert 1 <= statuses.count(401) <= 60
    busy = [each for each in answers if each.status_code == 503]
    assert {each.json()["code"] for each in busy} <= {"sign_in_busy"}
    assert all(int(each.headers["retry-after"]) >= 1 for each in busy)
    assert clock.status_code == 200
    assert open_then > 0  # others are answered before the last hash is done
    assert real.status_code == 200


@asynccontextmanager
async def crowd(addresses: Iterable[str]) -> AsyncIterator[None]:
    """Sign in from these addresses again and again, so that their places are always taken."""

    async def sign_in_again_and_again(address: str) -> None:
        while True:
            with suppress(SignInBusy), queue(Requester(address, is_known=False)) as place:
                await place.verify("made up", None, cost=FLOOR)
            await asyncio.sleep(0)

    others = [asyncio.create_task(sign_in_again_and_again(each)) for each in addresses]
    await asyncio.sleep(0)  # all of them stand in the queue
    try:
        yield
    finally:
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)


EVERYWHERE = [f"192.0.2.{number}" for number in range(AT_ONCE + WAITING_AT_MOST)]


@pytest.mark.soak
async def test_one_address_does_not_keep_the_others_from_signing_in(
    proxied: Proxied, gateway: Any
) -> None:
    await gateway.staff()

    async with crowd([UNKNOWN] * len(EVERYWHERE)):
        answers = [await proxied.password(OWNER, PASSWORD) for _ in range(6)]

    assert [each.status_code for each in answers] == [200] * 6


@pytest.mark.soak
async def test_a_known_device_signs_in_while_unknown_ones_take_all_their_places(
    proxied: Proxied, gateway: Any
) -> None:
    account = await gateway.staff()
    await proxied.password(OWNER, PASSWORD, device_id="own-laptop")
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    async with crowd(EVERYWHERE):
        known = [
            await proxied.password(UNKNOWN, PASSWORD, device_id="own-laptop") for _ in range(6)
        ]
        inside = await gateway.client.post(
            "/v1/me/totp", json={"current_password": PASSWORD}, headers=headers
        )

    assert [each.status_code for each in known] == [200] * 6
    assert inside.status_code == 200


async def test_a_sign_in_that_found_no_slot_is_no_try(
    make_gateway: MakeGateway, gateway: Any
) -> None:
    await gateway.staff()
    made = await make_gateway(**TRUSTING, password_attempts_per_name_and_address=2)
    proxied = Proxied(made.client)

    async with crowd(EVERYWHERE):
        meanwhile = [await proxied.password(OWNER, PASSWORD) for _ in range(6)]
    after = await proxied.password(OWNER, PASSWORD)

    busy = [each for each in meanwhile if each.status_code != 200]
    assert {each.json()["code"] for each in busy} == {"sign_in_busy"}
    assert len(busy) > 2  # more than the tries of a name and an address
    assert after.status_code == 200


async def counted(gateway: Any) -> tuple[int, int]:
    """Return of how many subjects tries are counted, and how many tries."""
    counts = select(func.count(), func.coalesce(func.sum(ThrottleCount.hits), 0))
    async with gateway.parts.database.read() as session:
        subjects, tries = (await session.execute(counts)).one()
    return subjects, tries


async def test_a_sign_in_that_found_no_slot_wrote_nothing(proxied: Proxied, gateway: Any) -> None:
    async with crowd(EVERYWHERE):
        answers = [await proxied.password(MANY[0], "wrong", name=f"n.{each}") for each in range(3)]
        meanwhile = await counted(gateway)

    refused = [each.status_code for each in answers].count(503)
    assert refused > 0
    assert meanwhile == (3 * (3 - refused), 3 * (3 - refused))


async def test_a_blocked_name_is_refused_without_another_count(
    proxied: Proxied, gateway: Any
) -> None:
    await gateway.staff()
    for _ in range(11):
        await proxied.password(UNKNOWN, "wrong")
    before = await counted(gateway)

    again = [await proxied.password(UNKNOWN, PASSWORD) for _ in range(5)]
    other_name = await proxied.password(UNKNOWN, "wrong", name="another")
    after = await counted(gateway)

    assert [each.status_code for each in again] == [429] * 5
    assert all(int(each.headers["retry-after"]) >= 1 for each in again)
    assert other_name.status_code == 401
    assert after == (before[0] + 2, before[1] + 3)  # those of the other name


async def test_a_blocked_number_is_refused_codes_without_another_count(
    proxied: Proxied, gateway: Any
) -> None:
    await proxied.ask(OWNER, "own-phone")
    code = await proxied.code()
    for number in range(11):
        await proxied.ask(UNKNOWN, f"strange-{number}")
        await proxied.try_code(UNKNOWN, "strange", "000000")
    before = await counted(gateway)

    asked = [await proxied.ask(UNKNOWN, f"strange-{number}") for number in range(5)]
    tried = [await proxied.try_code(UNKNOWN, "strange", "000000") for _ in range(5)]
    after = await counted(gateway)
    owner = await proxied.try_code(OWNER, "own-phone", code)

    assert (asked, tried) == ([429] * 5, [429] * 5)
    assert after == before
    assert owner == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of theirs")
async def test_passwords_are_hashed_behind_everything_else(proxied: Proxied) -> None:
    await proxied.password(OWNER, "wrong", name="nobody")

    hashing = [each for each in threading.enumerate() if each.name.startswith("hash")]
    assert len(hashing) in range(1, AT_ONCE + 1)
    priorities = {os.getpriority(os.PRIO_PROCESS, each.native_id or 0) for each in hashing}
    assert priorities == {min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)}
