"""Signing keys: created once, rotated without ending sessions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from gateway_tests.gateways import bearer
from sqlalchemy import select, update

from gateway.keys import queries, service
from gateway.keys.models import SigningKey
from gateway.keys.rules import KeyStatus, KeyTooYoung
from gateway.keys.service import SigningKeys
from gateway.settings import Settings
from gateway.tokens import OwnTokens
from perisai_kit.auth.keys import RemoteKeys
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.auth.revocations import Revocations
from perisai_kit.auth.tokens import Authenticator, TokenInvalid
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

LONG_AGO = timedelta(days=90)


@pytest.fixture
async def keys_database(fresh_urls: Urls, keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(fresh_urls.app, keyring=keyring, pool_size=5)
    yield database
    await database.dispose()


async def test_the_first_start_makes_a_current_and_a_next_key(keys_database: Database) -> None:
    keys = SigningKeys(keys_database)

    published = (await keys.jwks())["keys"]

    assert len(published) == 2
    assert all(set(each) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for each in published)


@pytest.mark.race
async def test_processes_that_start_together_make_the_same_keys(keys_database: Database) -> None:
    processes = [SigningKeys(keys_database) for _ in range(4)]

    published = await asyncio.gather(*(each.jwks() for each in processes))

    assert all(each == published[0] for each in published)
    assert len(published[0]["keys"]) == 2


async def test_no_private_key_is_stored_in_clear(keys_database: Database) -> None:
    await SigningKeys(keys_database).jwks()

    async with keys_database.read() as session:
        stored = (await session.execute(select(SigningKey.__table__))).all()
        readable = (await session.scalars(select(SigningKey))).all()

    raw = {bytes(row.public_key) for row in stored}
    assert len(raw) == 2
    assert all(key.private_key[:1] == b"\x30" for key in readable)  # DER after decryption


async def test_a_rotation_keeps_the_tokens_of_the_key_before(gateway: Any) -> None:
    session = await gateway.otp_session()
    await _age_keys(gateway.parts.database)

    rotated = await gateway.client.post(
        "/v1/signing-keys/rotation", headers=await gateway.signed_in(Role.ADMIN)
    )
    await gateway.parts.keys.reload()
    fresh = await gateway.otp_session()
    answers = [
        await gateway.client.get("/v1/me", headers=bearer(each["access_token"]))
        for each in (session, fresh)
    ]

    assert rotated.status_code == 200
    assert [each.status_code for each in answers] == [200, 200]
    assert _kid(session) != _kid(fresh)


async def test_the_key_that_signs_next_is_published_before(gateway: Any) -> None:
    before = (await gateway.client.get("/.well-known/jwks.json")).json()["keys"]
    await _age_keys(gateway.parts.database)

    async with gateway.parts.database.begin() as session:
        await service.rotate(session, now=clock.real_now())
    await gateway.parts.keys.reload()
    fresh = await gateway.otp_session()

    assert _kid(fresh) in {each["kid"] for each in before}


async def test_a_key_that_services_may_not_know_does_not_take_over(
    keys_database: Database,
) -> None:
    await SigningKeys(keys_database).jwks()

    with pytest.raises(KeyTooYoung):
        async with keys_database.begin() as session:
            await service.rotate(session, now=clock.real_now())


async def test_another_process_learns_of_a_rotation_from_the_first_token(
    keys_database: Database,
) -> None:
    here, there = SigningKeys(keys_database), SigningKeys(keys_database)
    await there.jwks()
    for _ in range(2):  # twice: the second key was not published when `there` read them
        await _age_keys(keys_database)
        async with keys_database.begin() as session:
            await service.rotate(session, now=clock.real_now())
    await here.reload()
    there._read_at -= service.LOOK_AGAIN_S + 1
    token = await here.sign({"sub": "x"})

    found = await there.find(jwt.get_unverified_header(token)["kid"])

    assert found is not None


@pytest.mark.parametrize(("age", "rotates"), [(timedelta(days=31), True), (timedelta(1), False)])
async def test_keys_rotate_by_themselves_when_their_time_has_come(
    keys_database: Database, age: timedelta, rotates: bool
) -> None:
    await SigningKeys(keys_database).jwks()
    now = clock.real_now() + age

    async with keys_database.begin() as session:
        rotated = await service.rotate_if_due(session, now=now, signs_for=timedelta(days=30))

    assert rotated is rotates


async def test_a_retired_key_goes_when_its_last_token_has_ended(keys_database: Database) -> None:
    await SigningKeys(keys_database).jwks()
    now = clock.real_now() + timedelta(hours=1)
    async with keys_database.begin() as session:
        await service.rotate(session, now=now)

    async with keys_database.begin() as session:
        await service.rotate_if_due(session, now=now + timedelta(minutes=59), signs_for=LONG_AGO)
        kept = len(await service.list_all(session))
        await service.rotate_if_due(session, now=now + timedelta(minutes=61), signs_for=LONG_AGO)
        left = await service.list_all(session)

    assert kept == 3
    assert {key.status for key in left} == {KeyStatus.CURRENT, KeyStatus.NEXT}


async def test_a_revoked_key_counts_no_more_and_the_next_one_signs(gateway: Any) -> None:
    session, admin = await gateway.otp_session(), await gateway.signed_in(Role.ADMIN)
    services = _service(gateway)
    await services.verify(session["access_token"])
    own = bearer(session["access_token"])
    before = await gateway.client.get("/v1/me", headers=own)

    revoked = await gateway.client.post(
        f"/v1/signing-keys/{_kid(session)}/revocation", json={"reason": "It leaked."}, headers=admin
    )
    await gateway.parts.keys.reload()
    after = await gateway.client.get("/v1/me", headers=own)
    refreshed = await gateway.refresh(session["refresh_token"])
    await _fetch(services)

    assert before.status_code == revoked.status_code == 200
    assert after.json()["code"] == "token_invalid"
    assert refreshed.status_code == 200
    assert await services.verify(refreshed.json()["access_token"])
    with pytest.raises(TokenInvalid):
        await services.verify(session["access_token"])
    statuses = {each["kid"]: each["status"] for each in revoked.json()["items"]}
    assert statuses[_kid(session)] == "retired"
    assert statuses[_kid(refreshed.json())] == "current"
    assert "next" in statuses.values()


async def test_a_service_learns_the_young_key_that_took_over_from_its_first_token(
    gateway: Any,
) -> None:
    services = _service(gateway)
    await _fetch(services)
    admin = await gateway.signed_in(Role.ADMIN)
    for _ in range(2):  # twice: the key that signs then was never published before
        kid = jwt.get_unverified_header(admin["Authorization"].removeprefix("Bearer "))["kid"]
        answer = await gateway.client.post(
            f"/v1/signing-keys/{kid}/revocation", json={"reason": "It leaked."}, headers=admin
        )
        assert answer.status_code == 200, answer.text
        await gateway.parts.keys.reload()
        admin = await gateway.signed_in(Role.ADMIN)

    subject = await services.verify(admin["Authorization"].removeprefix("Bearer "))

    assert Role.ADMIN in subject.roles


async def test_a_revocation_is_recorded_and_destroys_the_private_key(gateway: Any) -> None:
    account_id = new_id()
    session = await gateway.otp_session()
    admin = await gateway.signed_in(Role.ADMIN, account_id=account_id)
    address = f"/v1/signing-keys/{_kid(session)}/revocation"

    first = await gateway.client.post(address, json={"reason": "It leaked."}, headers=admin)
    await gateway.parts.keys.reload()  # now the token of before is refused
    admin = await gateway.signed_in(Role.ADMIN, account_id=account_id)
    again = await gateway.client.post(address, json={"reason": "Once more."}, headers=admin)
    async with gateway.parts.database.begin() as db:
        later = clock.real_now() + timedelta(days=1)
        await service.rotate_if_due(db, now=later, signs_for=LONG_AGO)
        key = await db.get(SigningKey, _kid(session))
    await gateway.parts.keys.reload()

    assert first.status_code == again.status_code == 200
    assert (key.revoked_by, key.revoked_reason) == (account_id, "It leaked.")
    assert key.private_key == b""


async def test_however_many_keys_were_revoked_one_signs(keys_database: Database) -> None:
    await SigningKeys(keys_database).jwks()
    for _ in range(queries.MOST_KEYS + 1):
        async with keys_database.begin() as session:
            following = next(
                key for key in await service.list_all(session) if key.status == KeyStatus.NEXT
            )
            await service.revoke(
                session, kid=following.kid, by=new_id(), reason="test", now=clock.real_now()
            )

    assert len((await SigningKeys(keys_database).jwks())["keys"]) == 2


async def test_an_unknown_key_cannot_be_revoked(gateway: Any) -> None:
    answer = await gateway.client.post(
        "/v1/signing-keys/nothing/revocation",
        json={"reason": "It leaked."},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "signing_key_not_found"


@pytest.mark.parametrize("path", ["rotation", "nothing/revocation"])
async def test_only_an_administrator_changes_the_keys(gateway: Any, path: str) -> None:
    answer = await gateway.client.post(
        f"/v1/signing-keys/{path}",
        json={"reason": "It leaked."},
        headers=await gateway.signed_in(Role.BRANCH_OFFICER),
    )

    assert answer.status_code == 403


async def test_services_verify_our_tokens_with_the_published_keys(gateway: Any) -> None:
    published = (await gateway.client.get("/.well-known/jwks.json")).json()
    token = (await gateway.otp_session())["access_token"]
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}

    claims = jwt.decode(
        token, keys[jwt.get_unverified_header(token)["kid"]], ["ES256"], audience="perisai"
    )

    assert claims["iss"] == gateway.parts.settings.issuer
    assert await _service(gateway).verify(token)


async def _age_keys(database: Database) -> None:
    earlier = clock.real_now() - timedelta(hours=2)
    async with database.begin() as session:
        await session.execute(update(SigningKey).values(created_at=earlier))


def _kid(session: dict[str, Any]) -> str:
    return str(jwt.get_unverified_header(session["access_token"])["kid"])


def _service(gateway: Any) -> Authenticator:
    keys = RemoteKeys("http://gateway", httpx.ASGITransport(app=gateway.app))
    issuer = gateway.parts.settings.issuer
    return Authenticator(keys, issuer=issuer, revocations=Revocations())


async def _fetch(service: Authenticator) -> None:
    assert isinstance(service.keys, RemoteKeys)
    assert await service.keys.fetch()


async def test_a_worker_signs_with_the_key_of_the_moment_after_it_was_refused(
    keys_database: Database, gateway_settings: Callable[..., Settings], fresh_urls: Urls
) -> None:
    worker = SigningKeys(keys_database)
    tokens = OwnTokens(worker, gateway_settings(fresh_urls))
    before = jwt.get_unverified_header(await tokens.get_token())["kid"]
    async with keys_database.begin() as session:
        await service.revoke(
            session, kid=before, by=new_id(), reason="leaked", now=clock.real_now()
        )

    tokens.forget()  # as a client does that is refused
    after = jwt.get_unverified_header(await tokens.get_token())["kid"]

    assert after != before
    assert after in {each["kid"] for each in (await SigningKeys(keys_database).jwks())["keys"]}


@pytest.mark.parametrize("path", ["rotation", "unknown/revocation"])
async def test_keys_are_for_administrators_of_the_country(gateway: Any, path: str) -> None:
    branch = Scope(ScopeKind.BRANCH, "banyuwangi", "jatim")
    headers = await gateway.signed_in(Role.ADMIN, scope=branch)

    answers = [
        await gateway.client.get("/v1/signing-keys", headers=headers),
        await gateway.client.post(
            f"/v1/signing-keys/{path}", json={"reason": "A leak."}, headers=headers
        ),
    ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(403, "forbidden")] * 2
