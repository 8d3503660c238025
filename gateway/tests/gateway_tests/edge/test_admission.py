"""Admission: tokens, roles, rates, and the answers to refused requests."""

import base64
import gc
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gateway_tests.gateways import bearer, read_claims

from gateway.edge.admission import Admission, RateLimited
from gateway.edge.exchange import Exchange
from gateway.edge.limits import Limiter
from gateway.edge.routes import OPEN, TABLE, Routes
from perisai_kit.auth.principal import Role
from perisai_kit.auth.tokens import TokenInvalid
from perisai_kit.domain.ids import new_id

PUBLIC = {
    "/",
    "/.well-known/jwks.json",
    "/docs",
    "/docs/front-end",
    "/docs/static/icon.svg",
    "/docs/static/pages.css",
    "/docs/static/reference.js",
    "/docs/static/swagger-ui-bundle.js",
    "/docs/static/swagger-ui.css",
    "/health",
    "/openapi.json",
    "/ready",
    "/v1/auth/otp",
    "/v1/auth/revocation",
    "/v1/auth/token",
    "/v1/sandbox/mail-outbox",
    "/v1/sandbox/otp-outbox",
    "/v1/server-time",
}


def test_these_addresses_and_no_others_are_public() -> None:
    assert {row.prefix for row in (*TABLE, *OPEN) if row.roles is None} == PUBLIC


async def test_every_other_route_of_our_own_asks_for_a_token(platform: Any) -> None:
    documented = platform.app.openapi()["paths"]
    paths = {
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, item in documented.items()
        if path not in PUBLIC
        for method in item
    } | {("GET", "/v1/status")}

    statuses = {path: (await platform.client.request(*path)).status_code for path in sorted(paths)}

    assert ("POST", "/v1/accounts") in statuses
    assert {path for path, status in statuses.items() if status != 401} == set()


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.roles is not None], ids=lambda row: row.prefix
)
async def test_nothing_behind_the_edge_is_reached_without_a_token(platform: Any, row: Any) -> None:
    answer = await platform.client.get(row.prefix)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="perisai"')


async def test_a_token_opens_and_travels_on(platform: Any) -> None:
    headers = await platform.signed_in(Role.AGENT)

    answer = await platform.client.get("/v1/members", headers=headers)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert platform.members.header("authorization") == headers["Authorization"]


async def test_a_role_the_row_does_not_name_is_refused(platform: Any) -> None:
    answer = await platform.client.get(
        "/v1/ledger/accounts", headers=await platform.signed_in(Role.AGENT)
    )

    assert answer.status_code == 403
    assert platform.payments.requests == []


async def test_only_services_may_ask_the_questions_between_services(platform: Any) -> None:
    admin = await platform.client.post(
        "/v1/account-verifications", json={}, headers=await platform.signed_in(Role.ADMIN)
    )
    service = await platform.client.post(
        "/v1/account-verifications", json={}, headers=await platform.signed_in(Role.SERVICE)
    )

    assert (admin.status_code, service.status_code) == (403, 200)


async def test_an_unknown_address_is_a_problem(platform: Any) -> None:
    answer = await platform.client.get(
        "/v1/nothing/here", headers=await platform.signed_in(Role.ADMIN)
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "address_unknown"


async def test_problems_speak_the_language_asked_for(platform: Any) -> None:
    answer = await platform.client.get("/v1/members", headers={"Accept-Language": "id"})

    assert answer.json()["title"] == "Silakan masuk terlebih dahulu."


async def test_a_problem_carries_the_id_of_its_request(platform: Any) -> None:
    answer = await platform.client.get("/v1/members", headers={"X-Request-Id": "request-of-mine"})

    assert answer.json()["request_id"] == "request-of-mine"
    assert answer.headers["x-request-id"] == "request-of-mine"


def forged(token: str, **header: Any) -> list[str]:
    """Return the token with other ways of being signed, which must not count."""
    claims = read_claims(token)
    kid = jwt.get_unverified_header(token)["kid"]
    other = ec.generate_private_key(ec.SECP256R1())
    head = _segment(json.dumps({"alg": "none", "kid": kid}).encode())
    parts = token.split(".")
    return [
        f"{head}.{parts[1]}.",
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, other, algorithm="ES256", headers={"kid": kid}),
        jwt.encode(claims, other, algorithm="ES256", headers={"kid": "unknown"}),
        jwt.encode(claims, other, algorithm="ES256"),
        token[:-4] + "AAAA",
        parts[0] + "." + parts[1],
        "x",
        "a" * 5000,
    ]


async def test_tokens_signed_otherwise_do_not_count(platform: Any) -> None:
    token = (await platform.signed_in(Role.ADMIN))["Authorization"].removeprefix("Bearer ")

    statuses = [
        (await platform.client.get("/v1/members", headers=bearer(each))).status_code
        for each in forged(token)
    ]

    assert set(statuses) == {401}
    assert platform.members.requests == []


def hs256(token: str, secret: bytes) -> str:
    """Return the token's claims signed with HMAC by hand; the library refuses such secrets."""
    head = {"alg": "HS256", "typ": "JWT", "kid": jwt.get_unverified_header(token)["kid"]}
    signed = f"{_segment(json.dumps(head).encode())}.{token.split('.')[1]}"
    return f"{signed}.{_segment(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def test_the_public_key_is_no_secret_to_sign_with(platform: Any) -> None:
    token = (await platform.signed_in(Role.ADMIN))["Authorization"].removeprefix("Bearer ")
    kid = jwt.get_unverified_header(token)["kid"]
    published = (await platform.client.get("/.well-known/jwks.json")).json()["keys"]
    jwk = next(key for key in published if key["kid"] == kid)
    public = jwt.PyJWK.from_dict(jwk).key
    secrets = [
        json.dumps(jwk).encode(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ]

    statuses = [
        (await platform.client.get("/v1/members", headers=bearer(hs256(token, each)))).status_code
        for each in secrets
    ]

    assert statuses == [401, 401, 401]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": int(time.time()) - 60}, "token_expired"),
        ({"aud": "another"}, "token_invalid"),
        ({"iss": "https://another"}, "token_invalid"),
        ({"sub": "nobody"}, "token_invalid"),
        ({"roles": ["king"]}, "token_invalid"),
    ],
)
async def test_tokens_for_another_time_or_place_do_not_count(
    platform: Any, change: dict[str, Any], code: str
) -> None:
    token = (await platform.signed_in(Role.ADMIN))["Authorization"].removeprefix("Bearer ")
    claims = read_claims(token)
    other = await platform.parts.keys.sign({**claims, **change})

    answer = await platform.client.get("/v1/members", headers=bearer(other))

    assert answer.status_code == 401
    assert answer.json()["code"] == code


@pytest.mark.parametrize("path", ["/v1/members", "/v1/me"])
async def test_two_authorization_headers_are_refused(platform: Any, path: str) -> None:
    header = (await platform.signed_in(Role.ADMIN))["Authorization"]

    answer = await platform.client.get(
        path, headers=[("Authorization", header), ("Authorization", header)]
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "authorization_repeated"


async def test_a_locked_account_is_shut_out_before_its_token_ends(platform: Any) -> None:
    parts, session = platform.parts, await platform.otp_session()
    claims = read_claims(session["access_token"])
    older = await parts.keys.sign({**claims, "iat": claims["iat"] - 5})
    before = await platform.client.get("/v1/members", headers=bearer(older))
    await platform.client.post(
        f"/v1/accounts/{session['account_id']}/lock",
        json={"reason": "A lost telephone."},
        headers=await platform.signed_in(Role.ADMIN),
    )
    async with parts.database.read() as db:
        await platform.app.state.revocations.reload(db)

    after = await platform.client.get("/v1/members", headers=bearer(older))

    assert before.status_code == 200
    assert after.json()["code"] == "token_invalid"


async def test_the_rate_limit_is_announced_and_enforced(make_platform: Any) -> None:
    platform = await make_platform(rate_limits={"standard": 3})
    headers = await platform.signed_in(Role.AGENT)

    answers = [await platform.client.get("/v1/members", headers=headers) for _ in range(4)]
    another = await platform.client.get("/v1/members", headers=await platform.signed_in(Role.AGENT))

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"standard";q=3;w=60'
    assert answers[0].headers["ratelimit"].startswith('"standard";r=2;t=')
    assert answers[3].json()["code"] == "rate_limited"
    assert answers[3].headers["ratelimit"].startswith('"standard";r=0;t=')
    assert int(answers[3].headers["retry-after"]) >= 1
    assert another.status_code == 200
    assert len(platform.members.requests) == 4


async def test_our_own_routes_tell_their_limit_too(platform: Any) -> None:
    answer = await platform.client.get("/v1/server-time")

    assert answer.headers["ratelimit-policy"].startswith('"public";q=')


async def test_an_address_with_only_bad_tokens_is_limited(make_platform: Any) -> None:
    platform = await make_platform(rate_limits={"tokens": 3})
    headers = await platform.signed_in(Role.AGENT)
    known = await platform.client.get("/v1/members", headers=headers)
    statuses = [
        (await platform.client.get("/v1/members", headers=bearer(str(new_id())))).status_code
        for _ in range(5)
    ]
    still = await platform.client.get("/v1/members", headers=headers)

    assert statuses == [401, 401, 401, 429, 429]
    assert (known.status_code, still.status_code) == (200, 200)


class Refusing:
    """Counts the signatures that were checked; none is good."""

    def __init__(self) -> None:
        self.checked = 0

    async def verify(self, _: str, *, before_decoding: Callable[[], None]) -> Any:
        before_decoding()
        self.checked += 1
        raise TokenInvalid


async def test_a_token_that_is_held_back_is_not_even_looked_at(
    gateway_settings: Any, urls: Any
) -> None:
    authenticator = Refusing()
    admission = Admission(
        settings=gateway_settings(urls),
        authenticator=authenticator,  # type: ignore[arg-type]  # all of it that is used
        limiter=Limiter({"tokens": 3}),
    )
    scope = {
        "path": "/v1/members",
        "client": ("203.0.113.9", 1),
        "headers": [(b"authorization", b"Bearer forged")],
    }
    row = Routes().find("/v1/members")

    for _ in range(20):
        with pytest.raises((TokenInvalid, RateLimited)):
            await admission.admit(scope, row, [])

    assert authenticator.checked == 3


async def test_services_are_not_limited(make_platform: Any) -> None:
    platform = await make_platform(rate_limits={"standard": 1})
    headers = await platform.signed_in(Role.SERVICE)

    statuses = [
        (await platform.client.get("/v1/members", headers=headers)).status_code for _ in range(3)
    ]

    assert statuses == [200, 200, 200]


async def test_pages_of_other_origins_are_let_in_only_by_name(make_platform: Any) -> None:
    platform = await make_platform(cors_origins=("https://app.perisai.test",))
    asked = {"Access-Control-Request-Method": "POST"}

    def preflight(origin: str) -> Any:
        return platform.client.options("/v1/members", headers={"Origin": origin, **asked})

    known = await preflight("https://app.perisai.test")
    foreign = await preflight("https://evil.test")
    used = await platform.client.get(
        "/v1/members",
        headers={"Origin": "https://app.perisai.test", **await platform.signed_in(Role.AGENT)},
    )
    refused = await platform.client.get(
        "/v1/members", headers={"Origin": "https://app.perisai.test"}
    )

    assert known.headers["access-control-allow-origin"] == "https://app.perisai.test"
    assert "Idempotency-Key" in known.headers["access-control-allow-headers"]
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_origin_refused")
    assert "access-control-allow-origin" not in foreign.headers
    assert "RateLimit" in used.headers["access-control-expose-headers"]
    assert refused.headers["access-control-allow-origin"] == "https://app.perisai.test"


@pytest.mark.parametrize("path", ["/v1/auth/token", "/v1/auth/otp", "/v1/auth/revocation"])
async def test_a_body_with_a_name_twice_is_refused_by_the_gateway(platform: Any, path: str) -> None:
    answer = await platform.client.post(
        path,
        content=b'{"refresh_token": "one", "refresh_token": "two"}',
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "body_unreadable"


async def test_a_refused_request_leaves_nothing_to_the_garbage_collector(platform: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        refused = [await platform.client.get(path) for path in ("/v1/members", "/nothing")]
        left = [each for each in gc.get_objects() if isinstance(each, Exchange)]
    finally:
        gc.enable()

    assert [each.status_code for each in refused] == [401, 404]
    assert left == []
