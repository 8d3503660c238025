"""One transaction per request, committed before the answer, with idempotent replay.

`TransactionRoute` owns the session, the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)
and the commit of its routes. Answers of successful requests are stored for 24 hours. Refusals are
not stored, so that a corrected request may use the same key.

A stored answer is only given to the same account, if it may still use the route, has the same
rights and may still see the objects of the answer. Each replay of personal data is audited. Keys
belong to accounts, so on a public route the header is ignored.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from sqlalchemy import DateTime, LargeBinary, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.auth.principal import Principal, build_claims
from perisai_kit.db.columns import KitBase
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import BadRequest, Conflict, Forbidden, Invalid
from perisai_kit.http.body import JsonRequest, JsonRoute, to_canonical_json, to_json_request
from perisai_kit.http.visibility import VisibilityCheck, build_read_audit, get_shown
from perisai_kit.privacy.columns import sealed_bytes
from perisai_kit.privacy.read_audit import collect_read_persons

KEPT_FOR = timedelta(hours=24)

KEY_PATTERN = re.compile(r'^"?([A-Za-z0-9._:-]{8,128})"?$')

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

REQUIRED_MARK = "x-idempotency-key-required"

HEADER = "Idempotency-Key"
KEY_HEADER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": KEY_PATTERN.pattern},
    "description": "A key made by the client; a repeat with the same key gets the first answer.",
}

IDEMPOTENT: dict[str, Any] = {REQUIRED_MARK: True, "parameters": [{**KEY_HEADER, "required": True}]}
"""`openapi_extra` of a POST that creates a member or a bill or moves money: requires the key."""


class IdempotencyKeyRequired(BadRequest):
    code = "idempotency_key_required"
    text = "Send an Idempotency-Key header with a key that you create."
    text_id = "Kirim header Idempotency-Key dengan kunci yang Anda buat sendiri."


class IdempotencyKeyInvalid(BadRequest):
    code = "idempotency_key_invalid"
    text = "An Idempotency-Key must have 8 to 128 characters of A-Z a-z 0-9 . _ : and -."
    text_id = "Idempotency-Key harus 8 sampai 128 karakter dari A-Z a-z 0-9 . _ : dan -."


class IdempotencyKeyInUse(Conflict):
    code = "idempotency_key_in_use"
    text = "A request with this Idempotency-Key is still running. Try again in a moment."
    text_id = "Permintaan dengan Idempotency-Key ini masih diproses. Coba sebentar lagi."


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"
    text = "This Idempotency-Key was already used for another request. Create a new key."
    text_id = "Idempotency-Key ini sudah dipakai untuk permintaan lain. Buat kunci baru."


class ReplayForbidden(Forbidden):
    code = "replay_forbidden"
    text = (
        "Your rights have changed since the first request with this key. Read the result with "
        "a new request."
    )
    text_id = (
        "Hak akses Anda sudah berubah sejak permintaan pertama. Baca hasilnya dengan "
        "permintaan baru."
    )


class IdempotencyRecord(KitBase):
    """The answer to a request with a key. Partitions of a day are dropped a day later.

    In the database `created_at` is part of the primary key. Here it is not, because an answer is
    encrypted for its account and key, and one of both was created in the last 24 hours.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = {"postgresql_partition_by": "RANGE (created_at)"}  # noqa: RUF012 - as SQLAlchemy has it

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body = sealed_bytes()
    authority: Mapped[bytes] = mapped_column(LargeBinary)
    """A hash of the account's rights when it got the answer."""
    reads: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """The persons of the answer, as one object with `kind`, the operation, and `ids`."""
    shows: Mapped[dict[str, list[str]]] = mapped_column(JSONB)
    """The objects of the answer, ids by kind: visibility.py."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


Check = Callable[[Request], Coroutine[Any, Any, Principal]]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TransactionRoute(JsonRoute):
    """A route in one transaction; see the module."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        required = bool((self.openapi_extra or {}).get(REQUIRED_MARK))
        checks = list(_list_checks(self.dependant))
        if required and not checks:
            raise RuntimeError(f"{self.path}: a key belongs to an account; `require` one")

        async def handle(request: Request) -> Response:
            key = _read_key(request, required=required) if checks else None
            if key is None:
                return await _run(request, handler)
            return await _run_with_key(to_json_request(request), handler, key, checks)

        return handle


def _list_checks(dependant: Dependant) -> Iterator[Check]:
    """Yield the dependencies of a route that `require` made."""
    if hasattr(dependant.call, "allowed_roles"):
        yield dependant.call  # type: ignore[misc]  # `require` made it
    for inner in dependant.dependencies:
        yield from _list_checks(inner)


def _read_key(request: Request, *, required: bool) -> str | None:
    if request.method not in WRITING:
        return None
    given = request.headers.getlist("idempotency-key")
    if not given:
        if required:
            raise IdempotencyKeyRequired(header=HEADER)
        return None
    match = KEY_PATTERN.match(given[0])
    if match is None or len(given) > 1:
        raise IdempotencyKeyInvalid(header=HEADER)
    return match[1]


async def _run(request: Request, handler: Handler) -> Response:
    database: Database = request.app.state.kit.database
    async with database.begin() as session:
        request.state.session = session
        with collect_read_persons() as persons:
            response = await handler(request)
        if response.status_code >= 400:
            await session.rollback()
        elif audit := build_read_audit(request, persons):
            session.add(audit)
        return response


async def _run_with_key(
    request: JsonRequest, handler: Handler, key: str, checks: list[Check]
) -> Response:
    kit = request.app.state.kit
    principal = await kit.authenticator.authenticate(request)
    fingerprint = await _compute_fingerprint(request)
    async with kit.database.begin() as session:
        request.state.session = session
        if not await _try_lock(session, principal.account_id, key):
            raise IdempotencyKeyInUse
        if (first := await _find_first(session, principal.account_id, key)) is not None:
            for check in checks:
                await check(request)
            return await _replay(session, request, principal, first, fingerprint)
        with collect_read_persons() as persons:
            response = await handler(request)
        if response.status_code >= 400:
            await session.rollback()
            return response
        record = _make_record(principal, key, fingerprint, response)
        if audit := build_read_audit(request, persons):
            session.add(audit)
            record.reads = [{"kind": audit.kind, "ids": [str(each) for each in audit.ids]}]
        record.shows = {
            kind: [str(each) for each in ids] for kind, ids in get_shown(session).items()
        }
        session.add(record)
        return response


async def _compute_fingerprint(request: JsonRequest) -> bytes:
    """Return the same bytes for requests with the same meaning."""
    query = sorted(parse_qsl(request.url.query, keep_blank_values=True))
    body = await request.body()
    if body and request.is_json:
        body = to_canonical_json(await request.json())
    digest = hashlib.sha256()
    for part in (request.method, request.url.path, repr(query)):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\n")
    digest.update(body)
    return digest.digest()


def _hash_authority(principal: Principal) -> bytes:
    claims = build_claims(principal)
    decides = ("roles", "scope", "agent_id", "member_id", "wadah_id", "client_id")
    return hashlib.sha256(to_canonical_json({name: claims.get(name) for name in decides})).digest()


async def _try_lock(session: AsyncSession, account_id: uuid.UUID, key: str) -> bool:
    # A transaction-level lock: a duplicate gets 409 at once instead of waiting for a row, and the
    # lock ends with the transaction.
    name = hashlib.sha256(account_id.bytes + key.encode()).digest()
    number = int.from_bytes(name[:8], "big", signed=True)
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(number))))


async def _find_first(
    session: AsyncSession, account_id: uuid.UUID, key: str
) -> IdempotencyRecord | None:
    """Return the answer of the last 24 hours; its time leaves two partitions to look in."""
    record: IdempotencyRecord | None = await session.scalar(
        select(IdempotencyRecord).where(
            IdempotencyRecord.account_id == account_id,
            IdempotencyRecord.key == key,
            IdempotencyRecord.created_at > clock.real_now() - KEPT_FOR,
        )
    )
    return record


async def _replay(
    session: AsyncSession,
    request: Request,
    principal: Principal,
    first: IdempotencyRecord,
    fingerprint: bytes,
) -> Response:
    if first.fingerprint != fingerprint:
        raise IdempotencyKeyReused(header=HEADER)
    if first.authority != _hash_authority(principal):
        raise ReplayForbidden
    for kind, shown in first.shows.items():
        check: VisibilityCheck = request.app.state.kit.visibility_checks[kind]
        await check(session, principal, [uuid.UUID(each) for each in shown])
    persons = {uuid.UUID(each) for read in first.reads for each in read["ids"]}
    if audit := build_read_audit(request, persons):
        session.add(audit)
    headers = {**first.headers, "Idempotency-Replayed": "true"}
    return Response(content=first.body, status_code=first.status, headers=headers)


def _make_record(
    principal: Principal, key: str, fingerprint: bytes, response: Response
) -> IdempotencyRecord:
    return IdempotencyRecord(
        account_id=principal.account_id,
        key=key,
        fingerprint=fingerprint,
        status=response.status_code,
        headers={
            name: value
            for name, value in response.headers.items()
            if name in {"cache-control", "content-type", "location", "etag"}
        },
        body=bytes(response.body),
        authority=_hash_authority(principal),
        reads=[],
        shows={},
        created_at=clock.real_now(),
    )
