"""A gateway in this process, as tests ask it: its people, what they sign in with, its tokens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from fastapi import FastAPI
from sqlalchemy import text

from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind
from gateway.parts import Parts
from gateway.passwords import OPERATOR, HashCost, hash_password
from gateway.tokens import issue_access_token
from gateway.worker import make_channels, make_periodic
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

PASSWORD = "correct horse battery"
PHONE = "+6281234567890"
DEVICE = "phone-1"
COUNTRY = Scope(ScopeKind.COUNTRY)
SERVICE_SECRET = "secret-of-the-service"
OFFICER = {
    "username": "banyuwangi.1",
    "password": PASSWORD,
    "display_label": "Officer of Banyuwangi",
    "roles": ["branch_officer"],
    "scope": {"kind": "branch", "code": "banyuwangi", "region": "jatim"},
    "reason": "New in the office.",
}
"""What an administrator sends for a new account."""
CHEAP = HashCost(kib=8, passes=1)
"""The least that argon2id can do; only a sandbox takes it."""


@dataclass
class Gateway:
    """One gateway in this process, and a client of it."""

    app: FastAPI
    client: httpx.AsyncClient
    hashes: list[str] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        parts: Parts = self.app.state.parts
        return parts

    async def signed_in(self, *roles: Role, **more: Any) -> dict[str, str]:
        """Return the Authorization header of a subject, signed with the gateway's own key."""
        account_id = more.pop("account_id", None) or new_id()
        principal = Principal(account_id=account_id, roles=frozenset(roles), **more)
        token = await issue_access_token(
            self.parts.keys, self.parts.settings, principal, now=clock.real_now()
        )
        return bearer(token)

    async def staff(
        self,
        username: str = "officer",
        *,
        role: Role = Role.ADMIN,
        scope: Scope | None = COUNTRY,
        totp_secret: str | None = None,
    ) -> Account:
        """Create a staff account with `PASSWORD`, for the whole country if nothing else is said."""
        if not self.hashes:
            self.hashes.append(await hash_password(PASSWORD, by=OPERATOR, cost=CHEAP))
        account = Account(
            id=new_id(),
            kind=AccountKind.STAFF,
            username=username,
            password_hash=self.hashes[0],
            display_label="An officer",
            roles=[role],
            scope_kind=scope.kind if scope else None,
            scope_code=scope.code if scope else None,
            scope_region=scope.region if scope else None,
            totp_secret=totp_secret,
            totp_confirmed_at=clock.real_now() if totp_secret else None,
            created_at=clock.real_now(),
        )
        async with self.parts.database.begin() as session:
            session.add(account)
        return account

    async def code(self, phone: str = PHONE, device_id: str = DEVICE) -> str:
        """Ask for a code and read it from the outbox."""
        sent = await self.client.post("/v1/auth/otp", json={"phone": phone, "device_id": device_id})
        assert sent.status_code == 202, sent.text
        outbox = await self.client.post("/v1/sandbox/otp-outbox", json={"phone": phone})
        code: str = outbox.json()["codes"][0]["code"]
        return code

    async def waiters(self, number: int) -> None:
        """Return once this many transactions on the database wait for a lock."""
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(20):
            while True:
                async with self.parts.database.read() as session:
                    if await session.scalar(waiting) == number:
                        return
                await asyncio.sleep(0.01)

    async def send_notices(self) -> None:
        """Do what the worker does every few seconds."""
        database = self.parts.database
        settings = self.parts.settings
        channels = make_channels(settings, None, database, self.parts.keyring)
        tasks = {each.name: each for each in make_periodic(settings, channels)}
        await tasks["notices.send"].run(database)

    async def notices_to(self, phone: str) -> list[str]:
        """Return the templates of the notices that a number got, newest first."""
        read = await self.client.post("/v1/sandbox/otp-outbox", json={"phone": phone})
        return [each["template"] for each in read.json()["notices"]]

    async def mails_to(self, email: str) -> list[str]:
        """Return the templates of the notices that an address got, newest first."""
        read = await self.client.post("/v1/sandbox/mail-outbox", json={"email": email})
        return [each["template"] for each in read.json()["notices"]]

    async def history(self, account_id: object) -> list[dict[str, Any]]:
        """Return what was done to an account, newest first, as an administrator reads it."""
        answer = await self.client.get(
            f"/v1/accounts/{account_id}/history", headers=await self.signed_in(Role.ADMIN)
        )
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def token(self, **grant: Any) -> httpx.Response:
        return await self.client.post("/v1/auth/token", json=grant)

    async def otp_grant(self, phone: str = PHONE, **more: Any) -> dict[str, Any]:
        device_id = more.pop("device_id", DEVICE)
        code = await self.code(phone, device_id)
        return {
            "grant_type": "otp",
            "phone": phone,
            "code": code,
            "device_id": device_id,
            **more,
        }

    async def otp_session(self, phone: str = PHONE) -> dict[str, Any]:
        """Sign in with a code; return the answer's JSON."""
        answer = await self.token(**await self.otp_grant(phone))
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def refresh(self, refresh_token: str, device_id: str | None = DEVICE) -> httpx.Response:
        grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if device_id is not None:
            grant["device_id"] = device_id
        return await self.client.post("/v1/auth/token", json=grant)


MakeGateway = Callable[..., Awaitable[Gateway]]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def read_claims(token: str) -> dict[str, Any]:
    """Return what a token says; its signature is not verified."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def claims(answer: httpx.Response | dict[str, Any]) -> dict[str, Any]:
    """Return what the access token of an answer says."""
    body = answer.json() if isinstance(answer, httpx.Response) else answer
    return read_claims(body["access_token"])


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """Give the body of a request that states no length."""
    for part in parts:
        yield part
