"""Only tokens of the gateway's own keys and algorithm count."""

import base64
import json

import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perisai_kit.auth import (
    Authenticator,
    Principal,
    RemoteKeys,
    Role,
    Scope,
    ScopeKind,
    TokenExpired,
    TokenInvalid,
    claims_of,
    principal_of,
)
from perisai_kit.ids import new_id
from perisai_kit.wire import GATEWAY, ISSUER, Tokens, Wire

SOMEBODY = Principal(account_id=new_id(), roles=frozenset({Role.AGENT}), agent_id=new_id())


@pytest.fixture
def authenticator(wire: Wire) -> Authenticator:
    return Authenticator(RemoteKeys(GATEWAY, wire), issuer=ISSUER)


async def test_a_token_gives_back_its_subject(authenticator: Authenticator, tokens: Tokens) -> None:
    subject = await authenticator.verify(tokens.sign(claims_of(SOMEBODY)))

    assert subject == SOMEBODY


async def test_an_expired_token_is_refused_also_when_it_was_seen_before(
    authenticator: Authenticator, tokens: Tokens
) -> None:
    with pytest.raises(TokenExpired):
        await authenticator.verify(tokens.sign(claims_of(SOMEBODY), life_s=-60))


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "sub", "iat"])
async def test_a_token_without_a_needed_claim_is_refused(
    authenticator: Authenticator, tokens: Tokens, missing: str
) -> None:
    whole = jwt.decode(tokens.sign(claims_of(SOMEBODY)), options={"verify_signature": False})
    del whole[missing]
    token = jwt.encode(whole, tokens._key, algorithm="ES256", headers={"kid": tokens.kid})

    with pytest.raises(TokenInvalid):
        await authenticator.verify(token)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"iss": "https://elsewhere.test"}, {"roles": ["king"]}, {"sub": "x"}],
)
async def test_a_token_for_others_or_with_strange_claims_is_refused(
    authenticator: Authenticator, tokens: Tokens, claims: dict[str, object]
) -> None:
    with pytest.raises(TokenInvalid):
        await authenticator.verify(tokens.sign({**claims_of(SOMEBODY), **claims}))


async def test_no_algorithm_but_es256_counts(authenticator: Authenticator, tokens: Tokens) -> None:
    claims = jwt.decode(tokens.sign(claims_of(SOMEBODY)), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": tokens.kid})
    known = tokens.jwks()["keys"][0]["x"]
    confused = jwt.encode(claims, known, algorithm="HS256", headers={"kid": tokens.kid})

    for token in (unsigned, confused):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(token)


async def test_a_changed_payload_is_refused(authenticator: Authenticator, tokens: Tokens) -> None:
    head, payload, signature = tokens.sign(claims_of(SOMEBODY)).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["roles"] = ["admin"]
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()

    with pytest.raises(TokenInvalid):
        await authenticator.verify(f"{head}.{forged}.{signature}")


async def test_an_unknown_kid_asks_the_gateway_at_most_once_a_minute(
    tokens: Tokens, wire: Wire
) -> None:
    asked = 0

    def jwks(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200, json=tokens.jwks())

    wire.answer("gateway", jwks)
    authenticator = Authenticator(RemoteKeys(GATEWAY, wire), issuer=ISSUER)
    await authenticator.verify(tokens.sign(claims_of(SOMEBODY)))
    stranger = Tokens()
    stranger.kid = "stranger"

    for _ in range(5):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(stranger.sign(claims_of(SOMEBODY)))

    assert asked == 1


@given(st.text(max_size=300))
async def test_any_text_is_refused_and_never_breaks(text: str) -> None:
    authenticator = Authenticator(RemoteKeys(GATEWAY, httpx.MockTransport(_nothing)), issuer=ISSUER)

    with pytest.raises(TokenInvalid):
        await authenticator.verify(text)


def _nothing(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"keys": []})


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(ScopeKind.COUNTRY), True),
        (Scope(ScopeKind.REGION, "JTM"), True),
        (Scope(ScopeKind.REGION, "JBR"), False),
        (Scope(ScopeKind.BRANCH, "BWI", "JTM"), True),
        (Scope(ScopeKind.BRANCH, "SBY", "JTM"), False),
        (Scope(ScopeKind.BRANCH), False),
        (None, False),
    ],
)
def test_a_scope_covers_its_own_part_of_the_country(scope: Scope | None, covered: bool) -> None:
    subject = Principal(account_id=new_id(), roles=frozenset(), scope=scope)

    assert subject.covers(branch_code="BWI", region_code="JTM") is covered
    assert principal_of({**claims_of(subject)}) == subject
