"""Only tokens of the gateway's own keys and algorithm count."""

import base64
import json
import uuid
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perisai_kit.auth.keys import RemoteKeys
from perisai_kit.auth.principal import (
    OFFICE_ROLES,
    Principal,
    Role,
    Scope,
    ScopeKind,
    build_claims,
    read_claims,
)
from perisai_kit.auth.revocations import Revocations
from perisai_kit.auth.tokens import (
    LEEWAY_S,
    MAX_TOKEN_LIFE_S,
    Authenticator,
    AuthorizationRepeated,
    TokenExpired,
    TokenInvalid,
    read_bearer_token,
)
from perisai_kit.domain.errors import Unauthenticated
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import GATEWAY, ISSUER, Tokens, Wire

SOMEBODY = Principal(account_id=new_id(), roles=frozenset({Role.AGENT}), agent_id=new_id())


@pytest.fixture
def authenticator(wire: Wire) -> Authenticator:
    return Authenticator(RemoteKeys(GATEWAY, wire), issuer=ISSUER, revocations=Revocations())


async def test_a_token_gives_back_its_subject(authenticator: Authenticator, tokens: Tokens) -> None:
    subject = await authenticator.verify(tokens.sign(build_claims(SOMEBODY)))

    assert subject == SOMEBODY


NOW = 1_800_000_000
LIVING = {**build_claims(SOMEBODY), "iss": ISSUER, "aud": "perisai", "iat": NOW, "exp": NOW + 600}


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({}, None),
        ({"exp": NOW - LEEWAY_S + 1, "iat": NOW - 600}, None),
        ({"exp": NOW - LEEWAY_S, "iat": NOW - 600}, TokenExpired),
        ({"iat": NOW + 30, "exp": NOW + 630}, None),
        ({"iat": NOW + LEEWAY_S, "exp": NOW + 660}, None),
        ({"iat": NOW + LEEWAY_S + 1, "exp": NOW + 661}, TokenInvalid),
        ({"nbf": NOW + LEEWAY_S}, None),
        ({"nbf": NOW + LEEWAY_S + 1}, TokenInvalid),
        ({"exp": NOW + MAX_TOKEN_LIFE_S}, None),
        ({"exp": NOW + MAX_TOKEN_LIFE_S + 1}, TokenInvalid),
        ({"exp": "later"}, TokenInvalid),
        ({"iat": True}, TokenInvalid),
        ({"exp": float("inf")}, TokenInvalid),
        ({"exp": 10**400}, TokenInvalid),
    ],
)
async def test_the_times_of_a_token_count_the_same_when_it_was_seen_before(
    authenticator: Authenticator,
    tokens: Tokens,
    changed: dict[str, object],
    refusal: type[Exception] | None,
) -> None:
    token = tokens.encode({**LIVING, **changed})

    for _ in ("new", "remembered"):
        if refusal is None:
            assert await authenticator.verify(token, at=NOW) == SOMEBODY
        else:
            with pytest.raises(refusal):
                await authenticator.verify(token, at=NOW)


async def test_a_remembered_token_ends_when_its_time_has_come(
    authenticator: Authenticator, tokens: Tokens
) -> None:
    token = tokens.encode(LIVING)
    await authenticator.verify(token, at=NOW)

    await authenticator.verify(token, at=NOW + 600 + LEEWAY_S - 1)
    with pytest.raises(TokenExpired):
        await authenticator.verify(token, at=NOW + 600 + LEEWAY_S)


@pytest.mark.parametrize("typ", [None, "JWT", "id+jwt", "AT+JWT", "", 1])
async def test_no_other_kind_of_jwt_passes_for_an_access_token(
    authenticator: Authenticator, tokens: Tokens, typ: object
) -> None:
    with pytest.raises(TokenInvalid):
        await authenticator.verify(tokens.encode(LIVING, typ=typ), at=NOW)


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ([], Unauthenticated),
        ([b"Basic eA=="], Unauthenticated),
        ([b"Bearer "], Unauthenticated),
        ([b"Bearer one", b"Bearer one"], AuthorizationRepeated),
        ([b"Basic eA==", b"Bearer one"], AuthorizationRepeated),
        ([b"Bearer one, Bearer two"], AuthorizationRepeated),
    ],
)
def test_a_request_carries_one_bearer_token(headers: list[bytes], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_bearer_token([(b"host", b"test"), *((b"authorization", value) for value in headers)])


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "sub", "iat"])
async def test_a_token_without_a_needed_claim_is_refused(
    authenticator: Authenticator, tokens: Tokens, missing: str
) -> None:
    whole = jwt.decode(tokens.sign(build_claims(SOMEBODY)), options={"verify_signature": False})
    del whole[missing]
    token = tokens.encode(whole)

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
        await authenticator.verify(tokens.sign({**build_claims(SOMEBODY), **claims}))


@pytest.mark.parametrize("office", sorted(OFFICE_ROLES))
async def test_a_token_of_an_office_and_of_a_wadah_is_refused(
    authenticator: Authenticator, tokens: Tokens, office: Role
) -> None:
    both = Principal(
        account_id=new_id(),
        roles=frozenset({office, Role.WADAH_ADMIN}),
        wadah_id=new_id(),
        scope=Scope(ScopeKind.COUNTRY),
    )

    with pytest.raises(TokenInvalid):
        await authenticator.verify(tokens.sign(build_claims(both)))


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["bank_engineer", "auditor"]},
        {"roles": ["bank_engineer", "agent"]},
        {"roles": ["auditor"], "scope": {"kind": "bank_partner", "code": str(uuid.UUID(int=1))}},
        {"roles": ["bank_engineer"], "scope": {"kind": "bank_partner", "code": "a-bank"}},
    ],
)
async def test_a_token_of_a_bank_s_engineer_has_one_role_and_one_bank(
    authenticator: Authenticator, tokens: Tokens, claims: dict[str, Any]
) -> None:
    token = tokens.sign({**build_claims(SOMEBODY), **claims})

    with pytest.raises(TokenInvalid):
        await authenticator.verify(token)


def test_a_bank_s_engineer_has_no_part_of_the_country() -> None:
    scope = Scope(ScopeKind.BANK_PARTNER, str(uuid.UUID(int=1)))
    engineer = Principal(new_id(), frozenset({Role.BANK_ENGINEER}), scope=scope)

    assert engineer.bank_partner_id == uuid.UUID(int=1)
    assert not engineer.has_country
    assert not engineer.covers(branch_code="banyuwangi", region_code="jatim")


async def test_no_algorithm_but_es256_counts(authenticator: Authenticator, tokens: Tokens) -> None:
    claims = jwt.decode(tokens.sign(build_claims(SOMEBODY)), options={"verify_signature": False})
    head = {"typ": "at+jwt", "kid": tokens.kid}
    unsigned = jwt.encode(claims, "", algorithm="none", headers=head)
    known = tokens.jwks()["keys"][0]["x"]
    confused = jwt.encode(claims, known, algorithm="HS256", headers=head)

    for token in (unsigned, confused):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(token)


async def test_a_changed_payload_is_refused(authenticator: Authenticator, tokens: Tokens) -> None:
    head, payload, signature = tokens.sign(build_claims(SOMEBODY)).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["roles"] = ["admin"]
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()

    with pytest.raises(TokenInvalid):
        await authenticator.verify(f"{head}.{forged}.{signature}")


@given(st.text(max_size=300))
async def test_any_text_is_refused_and_never_breaks(text: str) -> None:
    keys = RemoteKeys(GATEWAY, Wire(Tokens()))
    authenticator = Authenticator(keys, issuer=ISSUER, revocations=Revocations())

    with pytest.raises(TokenInvalid):
        await authenticator.verify(text)


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
    assert read_claims({**build_claims(subject)}) == subject
