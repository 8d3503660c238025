"""Every service and the gateway read a body in the same way: what is ambiguous is refused."""

from typing import Any

import pytest
from contract.conftest import MODULES, Platform
from contract.roles import COMBINED
from contract.test_roles import api_routes

import gateway.app
from perisai_kit.auth.principal import ScopeKind
from perisai_kit.http.body import JsonRoute
from perisai_kit.testing.plugin import Tokens
from sandbox.openapi.platform import build_app

AMBIGUOUS = {
    "a name twice": b'{"reason": "one", "reason": "two"}',
    "a name twice, written differently": b'{"reason": "one", "re\\u0061son": "two"}',
    "a name twice, deep inside": b'{"reason": [{"a": {"b": 1, "b": 1}}]}',
    "not a number": b'{"reason": NaN}',
    "infinity": b'{"reason": -Infinity}',
    "infinity as a number": b'{"reason": 1e999}',
    "too many digits": b'{"reason": ' + b"1" * 5000 + b"}",
    "another encoding": '{"reason": "x"}'.encode("utf-16"),
    "bytes that are no text": b'{"reason": "\xff"}',
    "a surrogate in bytes": b'{"reason": "\xed\xa0\x80"}',
    "deep arrays": b"[" * 100_000,
    "deep and closed": b'{"reason": ' + b"[" * 200 + b"]" * 200 + b"}",
    "cut short": b'{"reason": "x"',
    "two values": b'{"reason": "x"} {}',
}
PLACES = {
    "agent": "/v1/wadahs",
    "member": "/v1/member-lookups",
    "payment": "/v1/quotes",
}


@pytest.mark.parametrize("module", [*MODULES.values(), gateway.app], ids=lambda each: each.__name__)
def test_every_route_with_a_body_reads_it_strictly(module: Any) -> None:
    lax = [
        route.path
        for route in api_routes(build_app(module).routes)
        if route.body_field is not None and not isinstance(route, JsonRoute)
    ]

    assert lax == []


@pytest.mark.parametrize("body", AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("service", PLACES)
async def test_a_body_that_could_be_read_in_two_ways_is_refused(
    platform: Platform, tokens: Tokens, service: str, body: bytes
) -> None:
    headers = {
        **tokens.make(*COMBINED, scope={"kind": ScopeKind.COUNTRY}),
        "Content-Type": "application/json",
        "Idempotency-Key": "ambiguous-body",
    }

    answer = await platform.clients[service].post(PLACES[service], content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "body_unreadable")


@pytest.mark.parametrize("service", PLACES)
async def test_a_byte_order_mark_is_ignored(
    platform: Platform, tokens: Tokens, service: str
) -> None:
    headers = {
        **tokens.make(*COMBINED, scope={"kind": ScopeKind.COUNTRY}),
        "Content-Type": "application/json",
        "Idempotency-Key": "byte-order-mark",
    }

    answer = await platform.clients[service].post(
        PLACES[service], content=b"\xef\xbb\xbf{}", headers=headers
    )

    assert answer.status_code == 422
