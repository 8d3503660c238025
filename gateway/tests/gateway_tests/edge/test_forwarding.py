"""What arrives is what was sent, and what fails says so."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import chunks
from starlette.types import ASGIApp, Receive, Scope, Send

from perisai_kit.auth.principal import Role
from perisai_kit.http.protocol import INNER

KILOBYTE = 1024


@pytest.mark.parametrize(
    "target",
    [
        "/v1/members/%41%3b..%3D;v=1?q=%20+%2B%2f&b=2&a=1&&x",
        "/v1/members//a/./b/../c",
        '/v1/members/a:b@c!$&\'()*,=~?y=[1]&z="q"|^`{}',
        "/v1/members?",
    ],
)
async def test_the_target_is_passed_byte_for_byte(platform: Any, target: str) -> None:
    await platform.raw(
        f"GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".encode()
        + await platform.auth_line()
        + b"\r\n"
    )

    # An empty query looks like none: the server in front of us drops the question mark.
    assert platform.members.target == target.removesuffix("?")


@pytest.mark.parametrize("target", ["/v1%2fmembers", "/v1/members%2F1", "/v1/me%2Fagent"])
async def test_an_encoded_slash_reaches_no_service(platform: Any, target: str) -> None:
    answer = await platform.client.get(target, headers=await platform.signed_in(Role.AGENT))

    assert answer.status_code == 404


@pytest.mark.parametrize("size", [0, 1, 63 * KILOBYTE, 65 * KILOBYTE, 900 * KILOBYTE])
async def test_a_body_with_a_length_arrives_whole(platform: Any, size: int) -> None:
    body = os.urandom(size)

    answer = await platform.client.post(
        "/v1/members", content=body, headers=await platform.signed_in(Role.AGENT)
    )

    assert answer.status_code == 200
    assert platform.members.body == body
    assert platform.members.header("content-length") == str(size)


async def test_a_body_in_chunks_arrives_whole(platform: Any) -> None:
    parts = [os.urandom(50 * KILOBYTE) for _ in range(4)]

    answer = await platform.client.post(
        "/v1/members", content=chunks(*parts), headers=await platform.signed_in(Role.AGENT)
    )

    assert answer.status_code == 200
    assert platform.members.body == b"".join(parts)


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "chunked"])
async def test_a_body_over_the_limit_is_refused(platform: Any, stated: bool) -> None:
    part = os.urandom(700 * KILOBYTE)

    answer = await platform.client.post(
        "/v1/members",
        content=part * 2 if stated else chunks(part, part),
        headers=await platform.signed_in(Role.AGENT),
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "chunked"])
async def test_our_own_routes_have_a_limit_too(platform: Any, stated: bool) -> None:
    part = b"x" * 40 * KILOBYTE

    answer = await platform.client.post(
        "/v1/auth/token", content=part * 2 if stated else chunks(part, part)
    )

    assert answer.status_code == 413


async def test_a_body_that_stops_half_way_is_given_up(platform: Any) -> None:
    answer = await platform.raw(
        b"POST /v1/members HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n"
        + await platform.auth_line()
        + b"\r\nhalf"
    )

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request_timeout" in answer
    assert platform.members.requests == []


async def test_what_outsiders_say_about_themselves_is_dropped(platform: Any) -> None:
    lies = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-Account-Id": "boss",
        "X-Agent-Id": "a",
        "X-Roles": "admin",
        "X-User": "boss",
        "X-Perisai-Scope": "country",
        "Proxy-Authorization": "x",
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
    }

    await platform.client.get(
        "/v1/members", headers={**lies, **await platform.signed_in(Role.AGENT)}
    )

    seen = {line.split(":")[0].lower() for line in platform.members.head.splitlines()[1:]}
    kept = {"host", "authorization", "accept", "accept-encoding", "user-agent"}
    ours = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"}
    assert seen == kept | ours
    assert platform.members.header("x-forwarded-for") == "127.0.0.1"
    assert platform.members.header("x-forwarded-proto") == "http"


async def test_a_trusted_proxy_in_front_is_believed(make_platform: Any) -> None:
    platform = await make_platform(trusted_proxies=("127.0.0.0/8",))

    await platform.client.get(
        "/v1/members",
        headers={
            "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 127.0.0.2",
            "X-Forwarded-Proto": "https",
            **await platform.signed_in(Role.AGENT),
        },
    )

    assert platform.members.header("x-forwarded-for") == "203.0.113.9"
    assert platform.members.header("x-forwarded-proto") == "https"


async def test_traces_and_other_headers_travel_on(platform: Any) -> None:
    sent = {
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "Idempotency-Key": "key-of-mine",
        "Accept-Language": "id",
        "If-Match": '"3"',
        "X-Request-Id": "request-of-mine",
    }

    await platform.client.get(
        "/v1/members", headers={**sent, **await platform.signed_in(Role.AGENT)}
    )

    assert {name: platform.members.header(name) for name in sent} == sent


async def test_the_answer_arrives_as_it_was_sent(platform: Any) -> None:
    platform.members.answer = (
        b'HTTP/1.1 207 Multi-Status\r\ncontent-type: application/json\r\netag: "3"\r\n'
        b"set-cookie: a=1\r\nset-cookie: b=2\r\ncontent-encoding: gzip\r\nconnection: x-hop\r\n"
        b"x-hop: 1\r\nserver: secret\r\ncontent-length: 5\r\n\r\n\x1f\x8b\x00\x01\x02"
    )

    async with platform.client.stream(
        "GET", "/v1/members", headers=await platform.signed_in(Role.AGENT)
    ) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])

    assert answer.status_code == 207
    assert raw == b"\x1f\x8b\x00\x01\x02"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["etag"] == '"3"'
    assert "x-hop" not in answer.headers
    assert "secret" not in str(answer.headers)


async def test_what_the_client_has_is_asked_and_answered_for_as_it_is(platform: Any) -> None:
    platform.members.answer = (
        b'HTTP/1.1 304 Not Modified\r\netag: W/"3.0123456789abcdef"\r\n'
        b"cache-control: no-store\r\nvary: Accept-Encoding\r\n\r\n"
    )
    known = '"1", W/"3.0123456789abcdef-gzip"'

    answer = await platform.client.get(
        "/v1/members", headers={**await platform.signed_in(Role.AGENT), "If-None-Match": known}
    )

    assert platform.members.header("If-None-Match") == known
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == 'W/"3.0123456789abcdef"'
    assert answer.headers["vary"] == "Accept-Encoding, Origin"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_redirect_is_the_clients_to_follow(platform: Any) -> None:
    platform.members.answer = (
        b"HTTP/1.1 303 See Other\r\nlocation: /v1/members/1\r\ncontent-length: 0\r\n\r\n"
    )

    answer = await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))

    assert answer.status_code == 303
    assert answer.headers["location"] == "/v1/members/1"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE"])
async def test_every_method_is_passed(platform: Any, method: str) -> None:
    answer = await platform.client.request(
        method, "/v1/members/1", headers=await platform.signed_in(Role.AGENT)
    )

    assert answer.status_code == 200
    assert platform.members.head.startswith(f"{method} /v1/members/1 ")


async def test_a_long_answer_streams_through(platform: Any) -> None:
    body = os.urandom(3 * KILOBYTE * KILOBYTE)
    platform.members.answer = (
        f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )

    answer = await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))

    assert answer.content == body


async def test_an_answer_nobody_waits_for_is_not_read_to_its_end(platform: Any) -> None:
    length = 100 * KILOBYTE * KILOBYTE
    platform.members.answer = (
        f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n".encode() + bytes(length)
    )

    async with platform.client.stream(
        "GET", "/v1/members", headers=await platform.signed_in(Role.AGENT)
    ) as answer:
        await anext(answer.aiter_raw())

    await asyncio.wait_for(platform.members.broke_off.wait(), timeout=30)
    assert platform.members.broke_off.is_set()


async def test_an_upstream_that_is_not_there_is_a_problem(
    make_platform: Any, unused_tcp_port: int
) -> None:
    platform = await make_platform(member_url=f"http://127.0.0.1:{unused_tcp_port}")

    answer = await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))

    assert answer.status_code == 503
    assert answer.json()["code"] == "upstream_unavailable"
    assert int(answer.headers["retry-after"]) >= 1


async def test_an_upstream_that_is_late_is_a_problem(platform: Any) -> None:
    platform.members.answer = None

    answer = await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))

    assert answer.status_code == 504
    assert answer.json()["code"] == "upstream_timeout"


@pytest.mark.parametrize(
    "head", [b"content-length: 100\r\n\r\n", b"transfer-encoding: chunked\r\n\r\nff\r\n"]
)
async def test_an_answer_that_breaks_off_is_seen_to_be_cut(platform: Any, head: bytes) -> None:
    platform.members.answer = b"HTTP/1.1 200 OK\r\n" + head + b"only this"
    platform.members.close = True

    with pytest.raises(httpx.RemoteProtocolError):
        await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))


async def test_a_post_that_an_upstream_breaks_off_is_a_problem_and_not_sent_twice(
    platform: Any,
) -> None:
    headers = await platform.signed_in(Role.AGENT)
    await platform.client.get("/v1/members", headers=headers)  # leaves a connection open
    platform.members.answer, platform.members.close = b"", True

    answer = await platform.client.post("/v1/members", json={}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_failed")
    assert [head.split()[0] for head in platform.members.heads] == ["GET", "POST"]


async def test_many_at_once_do_not_mix_their_answers(platform: Any, serving: Any) -> None:
    headers = await platform.signed_in(Role.AGENT)

    async def ask(number: int) -> bool:
        body = f"{number}".encode() * 200
        await platform.client.post(f"/v1/members/{number}", content=body, headers=headers)
        return any(
            f"POST /v1/members/{number} ".encode() in each and each.endswith(b"\r\n\r\n" + body)
            for each in platform.members.requests
        )

    assert all(await asyncio.gather(*(ask(number) for number in range(50))))


async def test_what_is_forwarded_is_counted_without_ids(platform: Any) -> None:
    await platform.client.get(
        "/v1/members/3510-somebody", headers=await platform.signed_in(Role.AGENT)
    )

    async with inner_client(platform.app) as client:
        metrics = (await client.get("/metrics")).text

    assert 'route="/v1/members/*"' in metrics
    assert "3510-somebody" not in metrics


@asynccontextmanager
async def inner_client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the inner port, as the server's protocol marks it."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {INNER: True}
        await app(scope, receive, send)

    transport = httpx.ASGITransport(app=inner)
    async with httpx.AsyncClient(transport=transport, base_url="http://inner") as client:
        yield client


async def test_what_operators_read_is_at_the_inner_port_only(platform: Any) -> None:
    paths = ["/metrics", "/ready/details", "/feed"]
    service = await platform.signed_in(Role.SERVICE)

    outside = [await platform.client.get(path, headers=service) for path in paths]
    async with inner_client(platform.app) as client:
        inside = [await client.get(path, headers=service, params={"timeout": 0}) for path in paths]
        other = await client.get("/v1/server-time")

    assert [(each.status_code, each.json()["code"]) for each in outside] == [
        (404, "address_unknown")
    ] * 3
    assert [each.status_code for each in inside] == [200, 200, 200]
    assert other.status_code == 200
