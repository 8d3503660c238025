"""Hostile clients on real sockets do not affect other clients."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from perisai_kit.auth.principal import Role
from perisai_kit.testing.server import RawClient, open_connection

pytestmark = pytest.mark.soak

UPLOAD = b"POST /v1/members HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n"
SHORT_S = 2.0
"""What the platform of these tests waits for an upstream."""
PAYMENT = "/snap/v1.0/transfer-va/payment"


def port_of(platform: Any) -> int:
    return int(platform.url.rpartition(":")[2])


@asynccontextmanager
async def many(platform: Any, count: int, said: bytes) -> AsyncIterator[list[RawClient]]:
    """Hold so many connections on which this was said and nothing more."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            client = await stack.enter_async_context(open_connection(port_of(platform)))
            await client.send(said)
            clients.append(client)
        yield clients


async def others_are_served(platform: Any) -> list[int]:
    member = await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))
    bill = await platform.client.get("/v1/bills", headers=await platform.signed_in(Role.AGENT))
    own = await platform.client.get("/v1/me", headers=await platform.signed_in(Role.AGENT))
    bank = await platform.client.post(PAYMENT, json={})
    return [each.status_code for each in (member, bill, own, bank)]


async def test_512_slow_uploads_of_one_account_are_noticed_by_nobody(platform: Any) -> None:
    said = UPLOAD + await platform.auth_line() + b"\r\nhalf"
    async with many(platform, 512, said) as clients:
        statuses = await others_are_served(platform)
        answers = await asyncio.gather(*(client.rest() for client in clients))

    assert statuses == [200] * 4
    codes = {json.loads(each.partition(b"\r\n\r\n")[2])["code"] for each in answers}
    assert codes == {"request_timeout", "too_many_at_once"}
    assert len(platform.members.requests) == 1  # that of somebody else


async def test_an_account_of_slow_uploads_may_still_ask_other_services(platform: Any) -> None:
    headers = await platform.signed_in(Role.AGENT)
    said = UPLOAD + f"authorization: {headers['Authorization']}\r\n\r\nhalf".encode()
    async with many(platform, 20, said):
        answer = await platform.client.get("/v1/bills", headers=headers)

    assert answer.status_code == 200


async def test_200_half_sent_heads_are_closed_in_time_and_noticed_by_nobody(platform: Any) -> None:
    async with many(platform, 200, b"GET /v1/members HTTP/1.1\r\nhost: x\r\n") as clients:
        statuses = await others_are_served(platform)
        answers = await asyncio.gather(*(client.rest() for client in clients))

    assert statuses == [200] * 4
    assert {each.partition(b"\r\n")[0] for each in answers} == {b"HTTP/1.1 408 Request Timeout"}


async def test_clients_that_never_read_are_noticed_by_nobody(platform: Any) -> None:
    body = bytes(30_000_000)
    platform.members.answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    said = b"GET /v1/members HTTP/1.1\r\nhost: x\r\n" + await platform.auth_line() + b"\r\n"
    async with many(platform, 4, said) as clients:
        while len(platform.members.requests) < 4:  # noqa: ASYNC110 - nothing else tells of it
            await asyncio.sleep(0.01)
        statuses = (await others_are_served(platform))[1:]
        async with asyncio.timeout(30):
            await platform.members.broke_off.wait()
        del clients

    assert statuses == [200] * 3


async def test_a_service_that_hangs_holds_up_only_what_is_asked_of_it(make_platform: Any) -> None:
    platform = await make_platform(upstream_connections=8, upstream_waiting=8)
    platform.members.answer = None
    headers = [await platform.signed_in(Role.AGENT) for _ in range(20)]
    asking = [
        asyncio.create_task(platform.client.get("/v1/members", headers=each)) for each in headers
    ]
    while len(platform.members.requests) < 8:  # noqa: ASYNC110 - nothing else tells of it
        await asyncio.sleep(0.01)

    bills = [await platform.client.get("/v1/bills", headers=each) for each in headers]
    bank = await platform.client.post(PAYMENT, json={})

    assert {each.status_code for each in bills} == {200}
    assert bank.status_code == 200
    codes = [each.json()["code"] for each in await asyncio.gather(*asking)]
    assert set(codes) == {"upstream_busy", "upstream_timeout"}


async def test_a_page_may_ask_for_much_at_once(platform: Any) -> None:
    headers = await platform.signed_in(Role.AGENT)

    answers = await asyncio.gather(
        *(platform.client.get(f"/v1/members/{each}", headers=headers) for each in range(40))
    )

    assert {each.status_code for each in answers} == {200}


async def test_more_than_all_may_hold_is_refused_for_now(make_platform: Any) -> None:
    platform = await make_platform(collected_bytes=100_000)
    said = UPLOAD + await platform.auth_line() + b"\r\n" + bytes(90_000)
    async with many(platform, 1, said):
        await asyncio.sleep(0.1)
        refused = await platform.client.post(
            "/v1/members", content=bytes(20_000), headers=await platform.signed_in(Role.AGENT)
        )
        bank = await platform.client.post(PAYMENT, content=bytes(20_000))
    later = await platform.client.post(
        "/v1/members", content=bytes(20_000), headers=await platform.signed_in(Role.AGENT)
    )

    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_uploads")
    assert int(refused.headers["retry-after"]) >= 1
    assert bank.status_code == 200
    assert later.status_code == 200


TRAILER = b"X-Forwarded-For: 203.0.113.9"


@pytest.mark.parametrize("target", ["/v1/members", PAYMENT])
async def test_a_trailer_does_not_tell_where_a_request_comes_from(
    make_platform: Any, target: str
) -> None:
    platform = await make_platform(trusted_proxies=("127.0.0.0/8",))
    head = f"POST {target} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n".encode()
    async with open_connection(port_of(platform)) as client:
        await client.send(
            head + await platform.auth_line() + b"\r\n2\r\n{}\r\n0\r\n" + TRAILER + b"\r\n\r\n"
        )
        answer = await client.answer()

    upstream = platform.payments if target == PAYMENT else platform.members
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert upstream.header("x-forwarded-for") == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9:51874", "203.0.113.9"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("203.0.113.9:port", "unknown"),
    ],
)
async def test_a_port_behind_an_address_is_no_part_of_it(
    make_platform: Any, forwarded: str, address: str
) -> None:
    platform = await make_platform(trusted_proxies=("127.0.0.0/8",))

    await platform.client.get(
        "/v1/members",
        headers={"X-Forwarded-For": forwarded, **await platform.signed_in(Role.AGENT)},
    )
    await platform.client.post(PAYMENT, json={}, headers={"X-Forwarded-For": forwarded})

    assert platform.members.header("x-forwarded-for") == address
    assert platform.payments.header("x-forwarded-for") == address


async def test_an_unknown_address_counts_too(make_platform: Any) -> None:
    platform = await make_platform(rate_limits={"public": 3})

    statuses = [(await platform.client.get("/nothing")).status_code for _ in range(5)]

    assert statuses == [404, 404, 404, 429, 429]


async def test_the_document_counts_too(make_platform: Any) -> None:
    platform = await make_platform(rate_limits={"public": 3})

    statuses = [(await platform.client.get("/openapi.json")).status_code for _ in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


async def test_a_websocket_is_not_opened(platform: Any) -> None:
    answer = await platform.raw(
        b"GET /v1/members HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_two_authorization_headers_are_refused(platform: Any) -> None:
    line = await platform.auth_line()

    answer = await platform.raw(
        b"GET /v1/members HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + line + line + b"\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert platform.members.requests == []


@pytest.mark.parametrize("path", ["/v1/members", "/v1/auth/token"])
async def test_a_compressed_body_is_refused(platform: Any, path: str) -> None:
    answer = await platform.client.post(
        path,
        content=b"\x1f\x8b\x08",
        headers={"Content-Encoding": "gzip", **await platform.signed_in(Role.AGENT)},
    )

    assert (answer.status_code, answer.json()["code"]) == (415, "content_encoding_unsupported")
    assert answer.headers["accept-encoding"] == "identity"
    assert platform.members.requests == []


async def test_who_has_gone_while_waiting_for_a_turn_asks_nothing(platform: Any) -> None:
    platform.members.answer = None
    line = await platform.auth_line()
    said = b"DELETE /v1/members/1 HTTP/1.1\r\nhost: x\r\n" + line + b"\r\n"
    async with many(platform, 4, said):
        while len(platform.members.requests) < 4:  # noqa: ASYNC110 - nothing else tells of it
            await asyncio.sleep(0.01)
        async with many(platform, 20, said):
            await asyncio.sleep(0.2)
        await asyncio.sleep(SHORT_S + 0.5)  # the first four are given up, and turns are free

    assert len(platform.members.requests) == 4


async def test_one_address_cannot_fill_what_banks_may_hold(make_platform: Any) -> None:
    platform = await make_platform(
        trusted_proxies=("127.0.0.0/8",), collected_bytes_of_banks=400_000,
        collected_bytes_of_bank=100_000, snap_timeout_s=5,
    )  # fmt: skip
    half = (
        f"POST {PAYMENT} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.9\r\n"
        "content-length: 60000\r\n\r\n"
    ).encode() + bytes(50_000)
    async with many(platform, 10, half):
        await asyncio.sleep(0.2)
        same = await platform.client.post(
            PAYMENT, content=bytes(10_000), headers={"X-Forwarded-For": "203.0.113.9"}
        )
        other = await platform.client.post(
            PAYMENT, content=bytes(10_000), headers={"X-Forwarded-For": "203.0.113.10"}
        )

    assert (same.status_code, same.content) == (504, b"")
    assert other.status_code == 200


@pytest.mark.parametrize("target", ["/v1/members", PAYMENT])
async def test_thousands_of_connection_headers_are_passed_over(platform: Any, target: str) -> None:
    names = b"".join(b"connection: x-%d\r\n" % number for number in range(2500))
    async with open_connection(port_of(platform)) as client:
        await client.send(
            f"POST {target} HTTP/1.1\r\nhost: x\r\nx-1: dropped\r\n".encode()
            + await platform.auth_line()
            + names
            + b"content-length: 2\r\n\r\n{}"
        )
        answer = await client.answer()

    upstream = platform.payments if target == PAYMENT else platform.members
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert upstream.header("x-1") is None


async def test_no_other_coding_than_chunks_is_taken(platform: Any) -> None:
    answer = await platform.raw(
        b"POST /v1/members HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        + await platform.auth_line()
        + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert platform.members.requests == []


async def test_an_upload_beside_an_upgrade_arrives_whole(platform: Any) -> None:
    answer = await platform.raw(
        b"POST /v1/members HTTP/1.1\r\nhost: x\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n"
        + await platform.auth_line()
        + b'content-length: 9\r\n\r\n{"a": 12}'
    )

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert platform.members.body == b'{"a": 12}'


@pytest.mark.parametrize(
    ("crowd", "signed_in"), [("/v1/nowhere", False), ("/v1/server-time", False), ("/v1/me", True)]
)
async def test_a_bank_does_not_wait_behind_a_crowd(
    platform: Any, crowd: str, signed_in: bool
) -> None:
    headers = await platform.signed_in(Role.AGENT) if signed_in else {}
    answered: list[str] = []

    async def ask(client: httpx.AsyncClient, path: str) -> None:
        await client.get(path, headers=headers)
        answered.append(path)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(platform.app), base_url="http://gateway"
    ) as client:
        await asyncio.gather(*(ask(client, each) for each in [crowd] * 200 + [PAYMENT + "/"]))

    assert len(answered) == 201
    assert answered.index(PAYMENT + "/") < 100
