"""Access tokens that end before their time: at the gateway, and at a service that follows it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from gateway_tests.gateways import DEVICE, SERVICE_SECRET, bearer, claims
from sqlalchemy import insert

from gateway.accounts.models import Account
from gateway.revocations.service import OwnRevocations
from gateway.sessions.models import SignInSession
from perisai_kit.auth.keys import RemoteKeys
from perisai_kit.auth.principal import Role
from perisai_kit.auth.tokens import Authenticator, TokenInvalid
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.services.revocations import RemoteRevocations
from perisai_kit.testing.plugin import Urls


@pytest.fixture
async def service(gateway: Any) -> AsyncIterator[Authenticator]:
    """What a service verifies tokens with, at this gateway."""
    transport = httpx.ASGITransport(app=gateway.app)
    tokens = TokenSource(
        gateway_url="http://gateway",
        client_id="payment-service",
        client_secret=SERVICE_SECRET,
        transport=transport,
    )
    revocations = RemoteRevocations(
        ServiceClient("http://gateway", tokens, transport=transport), refresh_every_s=0.02
    )
    yield Authenticator(
        RemoteKeys("http://gateway", transport),
        issuer=gateway.parts.settings.issuer,
        revocations=revocations,
    )
    await revocations.close()


async def reload(gateway: Any, service: Authenticator) -> None:
    """What both do by themselves again and again."""
    async with gateway.parts.database.read() as session:
        await gateway.app.state.revocations.reload(session)
    assert isinstance(service.revocations, RemoteRevocations)
    assert await service.revocations.fetch()


async def assert_refused(gateway: Any, service: Authenticator, session: dict[str, Any]) -> None:
    answer = await gateway.client.get("/v1/me", headers=bearer(session["access_token"]))
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_invalid"
    with pytest.raises(TokenInvalid):
        await service.verify(session["access_token"])


async def assert_accepted(gateway: Any, service: Authenticator, session: dict[str, Any]) -> None:
    answer = await gateway.client.get("/v1/me", headers=bearer(session["access_token"]))
    assert answer.status_code == 200, answer.text
    await service.verify(session["access_token"])


async def test_after_sign_out_the_access_token_is_refused_everywhere(
    gateway: Any, service: Authenticator
) -> None:
    session = await gateway.otp_session()
    await reload(gateway, service)
    await assert_accepted(gateway, service, session)

    await gateway.client.post(
        "/v1/auth/revocation", json={"refresh_token": session["refresh_token"]}
    )
    await reload(gateway, service)

    await assert_refused(gateway, service, session)


async def test_the_token_of_a_lost_telephone_is_refused_and_the_other_goes_on(
    gateway: Any, service: Authenticator
) -> None:
    lost = await gateway.otp_session()
    kept = (await gateway.token(**await gateway.otp_grant(device_id="phone-2"))).json()
    listed = await gateway.client.get("/v1/me/sessions", headers=bearer(kept["access_token"]))
    lost_id = next(each["id"] for each in listed.json()["items"] if each["device_id"] == DEVICE)

    await gateway.client.post(
        f"/v1/me/sessions/{lost_id}/revocation", headers=bearer(kept["access_token"])
    )
    await reload(gateway, service)

    await assert_refused(gateway, service, lost)
    await assert_accepted(gateway, service, kept)


async def test_a_stolen_refresh_token_that_comes_back_ends_the_access_tokens_too(
    gateway: Any, service: Authenticator
) -> None:
    first = await gateway.otp_session()
    second = (await gateway.refresh(first["refresh_token"])).json()
    third = (await gateway.refresh(second["refresh_token"])).json()

    await gateway.refresh(first["refresh_token"])
    await reload(gateway, service)

    await assert_refused(gateway, service, third)


async def test_a_token_of_the_very_second_of_the_lock_is_refused(
    gateway: Any, service: Authenticator
) -> None:
    session = await gateway.otp_session()

    locked = await gateway.client.post(
        f"/v1/accounts/{session['account_id']}/lock",
        json={"reason": "telephone lost"},
        headers=await gateway.signed_in(Role.ADMIN),
    )
    await reload(gateway, service)

    assert locked.status_code == 200
    await assert_refused(gateway, service, session)


async def test_a_sign_in_right_after_the_lock_is_undone_counts(
    gateway: Any, service: Authenticator
) -> None:
    session = await gateway.otp_session()
    admin = await gateway.signed_in(Role.ADMIN)
    for change in ("lock", "unlock"):
        changed = await gateway.client.post(
            f"/v1/accounts/{session['account_id']}/{change}",
            json={"reason": "telephone lost and found"},
            headers=admin,
        )
        assert changed.status_code == 200

    again = await gateway.otp_session()
    await reload(gateway, service)

    await assert_refused(gateway, service, session)
    await assert_accepted(gateway, service, again)


async def test_a_service_goes_on_with_what_it_knows_while_the_gateway_is_away(
    gateway: Any, service: Authenticator
) -> None:
    ended, living = await gateway.otp_session(), await gateway.otp_session("+6285200000001")
    await gateway.client.post("/v1/auth/revocation", json={"refresh_token": ended["refresh_token"]})
    await reload(gateway, service)
    await service.verify(living["access_token"])
    revocations = service.revocations
    assert isinstance(revocations, RemoteRevocations)
    nobody = httpx.MockTransport(lambda _: httpx.Response(502))
    tokens = TokenSource(
        gateway_url="http://gateway", client_id="x", client_secret="x", transport=nobody
    )
    revocations._gateway = ServiceClient("http://gateway", tokens, transport=nobody)

    fetched = await revocations.fetch()

    assert not fetched
    assert await service.verify(living["access_token"])
    with pytest.raises(TokenInvalid):
        await service.verify(ended["access_token"])


async def test_only_services_read_the_list(gateway: Any) -> None:
    answers = [
        await gateway.client.get("/v1/revocations", headers=await gateway.signed_in(role))
        for role in (Role.ADMIN, Role.AGENT)
    ]

    assert {each.status_code for each in answers} == {403}


async def test_the_list_says_what_is_new_and_only_for_the_life_of_a_token(gateway: Any) -> None:
    now = clock.real_now()
    old, recent = now - timedelta(minutes=12), now - timedelta(minutes=5)
    account_id = await _account(gateway)
    ids = {at: await _ended(gateway, account_id, at) for at in (old, recent, now)}
    revocations = OwnRevocations(gateway.parts.settings, gateway.parts.database, gateway.parts.keys)
    async with gateway.parts.database.read() as session:
        await revocations.reload(session)

    whole = {each.session_id for each in revocations.changes(None).sessions}
    new = {each.session_id for each in revocations.changes(now).sessions}

    assert whole == {ids[recent], ids[now]}
    assert new == {ids[now]}


async def test_the_list_is_found_by_index_among_many_sessions(gateway: Any, urls: Urls) -> None:
    account_id, now = await _account(gateway), clock.real_now()
    rows = [_session(account_id, now - timedelta(hours=number)) for number in range(1, 3001)]
    async with gateway.parts.database.begin() as db:
        await db.execute(insert(SignInSession), rows)
        recent = [_session(account_id, now) for _ in range(3)]
        await db.execute(insert(SignInSession), recent)

    revocations = OwnRevocations(gateway.parts.settings, gateway.parts.database, gateway.parts.keys)
    async with gateway.parts.database.read() as session:
        await revocations.reload(session)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("ANALYZE sessions")
    plan = await owner.fetch(
        "EXPLAIN SELECT id, ended_at FROM sessions WHERE ended_at >= now() - interval '11 minutes'"
    )
    await owner.close()

    assert {each.session_id for each in revocations.changes(None).sessions} == {
        row["id"] for row in recent
    }
    assert "ix_sessions_ended_at" in str(plan)


async def test_a_token_names_its_session(gateway: Any) -> None:
    session = await gateway.otp_session()
    refreshed = (await gateway.refresh(session["refresh_token"])).json()

    assert claims(session)["sid"] == claims(refreshed)["sid"]


async def _account(gateway: Any) -> Any:
    account: Account = await gateway.staff()
    return account.id


def _session(account_id: Any, ended_at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "account_id": account_id,
        "amr": ["pwd"],
        "generation": 0,
        "token_hash": b"x",
        "salt": b"x",
        "created_at": ended_at,
        "expires_at": ended_at + timedelta(hours=12),
        "ended_at": ended_at,
    }


async def _ended(gateway: Any, account_id: Any, at: datetime) -> Any:
    row = _session(account_id, at)
    async with gateway.parts.database.begin() as db:
        await db.execute(insert(SignInSession), [row])
    return row["id"]
