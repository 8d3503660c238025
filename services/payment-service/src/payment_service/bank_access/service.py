"""Who may come in: tokens for banks, and the proof that a message is its sender's.

One process remembers the partners it knows and the tokens it has seen. Both come from the
database; a change of a known partner counts within `cache_s` seconds, a partner that is not known
here within a second, and a token that is not is looked for at once. Nothing but a good answer is
remembered.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access import queries, rules
from payment_service.bank_access.models import AccessToken, UnprovenRequest
from payment_service.bank_access.rules import PartnerClient, Refusal, Wire
from payment_service.bank_access.schemas import Signed
from payment_service.bank_access.unproven import (
    UnprovenChecks,
    UnprovenNotes,
    count_dropped,
    count_previous,
    is_listed,
    note_unproven,
)
from payment_service.banks import service as banks
from perisai_kit.db.bulk import OldRows
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.client_address import Network
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger
from snap_bi.answers import TOKEN_LIFE_S, Answer, build_token_answer
from snap_bi.codes import Case, Service
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.headers import TransactionHeaders
from snap_bi.messages import TokenRequest
from snap_bi.strict_json import parse_object
from snap_bi.verification import Step

REMEMBERED_TOKENS = 10_000
TOKEN_BYTES = 48
LOOKS_AGAIN_EVERY_S = 1.0
"""How often partners are read again because a call names one that is not known here."""
UNPROVEN_KEPT = 200
"""Per partner: enough to debug a signature, and a bound on what unproven calls can store."""

_UNLIMITED = nullcontext()
log = get_logger()


class Gate:
    """One an app. trusted: the proxies whose X-Forwarded-For is believed."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        trusted: Sequence[Network],
        cache_s: float,
        bank_time_tolerance: timedelta,
    ) -> None:
        self.database = database
        self.keyring = keyring
        self.trusted = trusted
        self._cache_s = cache_s
        self._bank_time_tolerance = bank_time_tolerance
        self._clients: tuple[PartnerClient, ...] = ()
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()
        self._looked_again_at = float("-inf")
        self._owners: OrderedDict[bytes, tuple[UUID, datetime]] = OrderedDict()
        self._lookups: dict[bytes, asyncio.Task[AccessToken | None]] = {}
        self._checks = UnprovenChecks()
        self._notes = UnprovenNotes()

    async def list_clients(self) -> tuple[PartnerClient, ...]:
        """Return the clients of the active and the suspended partners."""
        if time.monotonic() - self._loaded_at >= self._cache_s:
            return await self.reload()
        return self._clients

    async def reload(self) -> tuple[PartnerClient, ...]:
        """Read the clients again and return them; concurrent calls share one read."""
        asked_at = time.monotonic()
        async with self._loading:
            if self._loaded_at < asked_at:
                started_at = time.monotonic()
                async with self.database.read() as session:
                    partners = await banks.list_known(session)
                make = partial(queries.make_client, now=clock.real_now())
                found = (make(each, self._bank_time_tolerance) for each in partners)
                self._clients = tuple(client for client in found if client is not None)
                self._loaded_at = started_at
        return self._clients

    async def look_again(self) -> tuple[PartnerClient, ...]:
        """Return the clients, read again at most once a second.

        For calls that name a partner which is not known here: it may be new, or made up.
        """
        now = time.monotonic()
        if now - self._looked_again_at >= LOOKS_AGAIN_EVERY_S:
            self._looked_again_at = now
            return await self.reload()
        async with self._loading:  # waits for a read that has begun
            return self._clients

    async def admit(self, wire: Wire) -> AbstractContextManager[None]:
        """Return the context in which a call is checked; few unproven calls are checked at once.

        Not limited are calls with a valid token, calls of a partner that has recently proven
        itself from this address, and calls from a partner's allow-list.
        Raises on entering: TooManyUnproven.
        """
        if self._remembers_token(wire):  # nearly always
            return _UNLIMITED
        clients = await self.list_clients()
        if await self._has_token(wire):
            return _UNLIMITED
        named = self.list_candidates(wire, clients)
        if any(self.is_likely(each, wire) for each in named) or is_listed(clients, wire.source):
            return _UNLIMITED
        return self._checks.check(wire.source)

    def is_likely(self, client: PartnerClient | None, wire: Wire) -> bool:
        """Tell whether a call comes from where this partner calls from."""
        if client is None:
            return False
        return self._checks.is_proven(client, wire.source) or is_listed([client], wire.source)

    def note_proven(self, client: PartnerClient, wire: Wire) -> None:
        """Remember that this client has proven itself from this address."""
        self._checks.note_proven(client, wire.source)

    async def find_client(self, client_id: str) -> PartnerClient | None:
        """Return the client that X-CLIENT-KEY names."""
        found = rules.find_client(await self.list_clients(), client_id)
        return found or rules.find_client(await self.look_again(), client_id)

    async def sender(
        self, headers: TransactionHeaders, wire: Wire, *, now: datetime
    ) -> PartnerClient | None:
        """Return the client that a valid token names, or else an X-PARTNER-ID without a token."""
        digest = wire.token_digest
        if digest is not None:
            known = self._owners.get(digest) or await self._look_up(digest)
            if known is not None and now < known[1]:
                found = rules.find_partner(await self.list_clients(), known[0])
                return found or rules.find_partner(await self.look_again(), known[0])
        name, has_token = headers.partner_id, digest is not None
        found = rules.find_asymmetric_client(await self.list_clients(), name, has_token=has_token)
        if found is None and not has_token:
            found = rules.find_asymmetric_client(await self.look_again(), name, has_token=has_token)
        return found

    async def signer(self, headers: TransactionHeaders, wire: Wire) -> PartnerClient | None:
        """Return the client whose secret signed a message, even if its token has expired.

        The token is part of what is signed, and only this client has the secret.
        """
        if headers.token is None:
            return None
        verdict_of = partial(rules.signature_verdict, headers=headers, wire=wire)
        signed = [
            client
            for client in await self.list_clients()
            if headers.partner_id in client.ids
            and client.profile.needs_token
            and rules.verify(client, verdict_of, at=headers.at)[0].is_accepted
        ]
        return signed[0] if len(signed) == 1 else None

    async def named(self, wire: Wire) -> PartnerClient | None:
        """Return the client that a call names, proven or not."""
        return self._named(wire, await self.list_clients())

    def may_note(self, client: PartnerClient, wire: Wire) -> bool:
        """Count an unproven call in a partner's name; tell whether it may still be kept."""
        is_likely = self.is_likely(client, wire)
        return self._notes.may_note(client.partner_id, is_likely=is_likely, at=time.monotonic())

    def _named(self, wire: Wire, clients: tuple[PartnerClient, ...]) -> PartnerClient | None:
        candidates = self.list_candidates(wire, clients)
        return candidates[0] if len(candidates) == 1 else None

    def list_candidates(
        self, wire: Wire, clients: tuple[PartnerClient, ...]
    ) -> list[PartnerClient]:
        """Return the clients that a call may name: several may share a company code."""
        owner = self._owners.get(wire.token_digest) if wire.token_digest else None
        client_key, partner_id = (
            wire.headers.get(name, "").strip() for name in ("x-client-key", "x-partner-id")
        )
        if owner is not None:
            found = rules.find_partner(clients, owner[0])
        else:
            found = rules.find_client(clients, client_key)
        if found is not None or owner is not None:
            return [] if found is None else [found]
        return [client for client in clients if partner_id in client.ids]

    async def _has_token(self, wire: Wire) -> bool:
        """Tell whether a call carries a living token; a look for it that runs is waited for.

        So the calls of a bank that has just begun share one look, and those with a made-up token
        find out no more than that before they are bounded.
        """
        digest = wire.token_digest
        if digest is None:
            return False
        lookup = self._lookups.get(digest)
        if lookup is not None:
            row = await asyncio.shield(lookup)
            return row is not None and clock.real_now() < row.expires_at
        return self._remembers_token(wire)

    def _remembers_token(self, wire: Wire) -> bool:
        """Tell whether a call carries a living token that was seen before."""
        digest = wire.token_digest
        owner = None if digest is None else self._owners.get(digest)
        return owner is not None and clock.real_now() < owner[1]

    async def _look_up(self, digest: bytes) -> tuple[UUID, datetime] | None:
        """Return whose a token is that was not seen before, and until when; and remember it."""
        row = await self._find_token(digest)
        if row is None:
            return None
        return self.remember_token(digest, row.partner_id, row.expires_at)

    def remember_token(
        self, digest: bytes, partner_id: UUID, expires_at: datetime
    ) -> tuple[UUID, datetime]:
        """Remember whose a token is, and until when."""
        known = self._owners[digest] = (partner_id, expires_at)
        if len(self._owners) > REMEMBERED_TOKENS:
            self._owners.popitem(last=False)
        return known

    async def _find_token(self, digest: bytes) -> AccessToken | None:
        """Look a token up once, however many calls wait for it: a bank sends one with each."""
        lookup = self._lookups.get(digest)
        if lookup is None:
            lookup = self._lookups[digest] = asyncio.create_task(self._read_token(digest))
            lookup.add_done_callback(lambda _: self._lookups.pop(digest, None))
        return await asyncio.shield(lookup)

    async def _read_token(self, digest: bytes) -> AccessToken | None:
        async with self.database.read() as session:
            return await queries.find_token(session, digest)


async def prove_client(gate: Gate, wire: Wire) -> PartnerClient:
    """Return the bank that asks for a token (service 73), once it has proven itself.

    Raises: Refusal.
    """
    service = Service.ACCESS_TOKEN
    rules.check_source(service, wire.source, await gate.list_clients())
    headers = rules.token_headers(wire)
    client = await gate.find_client(headers.client_key)
    if client is None:
        raise Refusal(Case.UNAUTHORIZED, "Unknown client")
    rules.check_source(service, wire.source, [client])
    now = clock.real_now()
    rules.check_time(client, headers.at, now=now)
    verdict, is_previous = rules.verify(
        client, partial(rules.token_verdict, headers=headers), at=now
    )
    if not verdict.is_accepted:
        raise Refusal(Case.UNAUTHORIZED, "Signature")
    if is_previous:
        count_previous(client, is_token_request=True)
    gate.note_proven(client, wire)
    _check_grant(wire)
    return client


async def issue_token(gate: Gate, client: PartnerClient) -> Answer:
    """Give a bank a token. Earlier ones live on: banks run several nodes."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    digest = rules.token_hash(token)
    expires_at = clock.real_now() + timedelta(seconds=TOKEN_LIFE_S)
    async with gate.database.begin() as session:
        queries.insert_token(
            session, token_hash=digest, partner_id=client.partner_id, expires_at=expires_at
        )
    gate.remember_token(digest, client.partner_id, expires_at)
    log.info("snap_token.issued", partner_id=str(client.partner_id))
    return build_token_answer(token)


async def authenticate(gate: Gate, service: Service, wire: Wire) -> Signed:
    """Return the message (24, 25) of a client that has proven itself.

    A late payment flag with a valid signature is returned too; see `Signed.late`.
    Raises: Refusal.
    """
    clients = await gate.list_clients()
    rules.check_source(service, wire.source, clients)
    headers = rules.transaction_headers(service, wire)
    rules.check_external_id(service, headers, lambda: gate.list_candidates(wire, clients))
    now = clock.real_now()
    client, late = await gate.sender(headers, wire, now=now), None
    if client is None:
        late = Refusal(Case.INVALID_TOKEN)
        client = await gate.signer(headers, wire) if service is Service.PAYMENT else None
        if client is None:
            raise late
    try:
        # Above nobody may have been named, or several: they may share a company code.
        rules.check_external_id(service, headers, lambda: (client,))
        rules.check_client(client, headers, wire)
    except Refusal as refused:
        raise late or refused from None
    try:
        rules.check_time(client, headers.at, now=now)
    except Refusal as refused:
        late = late or refused
    if late is not None and service is not Service.PAYMENT:
        raise late
    # A late message was signed when the credentials of its own time were valid.
    step = _match_signature(client, headers, wire, at=headers.at if late else now)
    if step is None:
        raise late or Refusal(Case.UNAUTHORIZED, "Signature")
    if late is None:
        # A late message may be a copy that somebody else sends.
        gate.note_proven(client, wire)
    return Signed(
        id=new_id(),
        service=service,
        client=client,
        wire=wire,
        headers=headers,
        step=step,
        received_at=now,
        late=late,
    )


async def record_refusal(
    gate: Gate, service: Service, wire: Wire, *, refused: Refusal, answer: Answer
) -> PartnerClient | None:
    """Count an unproven call, keep it unless too many are kept; return the client that it names."""
    client = await gate.named(wire)
    await note_unproven(
        gate.database,
        client,
        (service, wire),
        refused=refused,
        answer=answer,
        may_note=client is not None and gate.may_note(client, wire),
    )
    return client


async def list_unproven(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[UnprovenRequest]:
    """Return the unproven calls in a partner's name, newest first."""
    return await queries.list_unproven(session, partner_id, before=before, limit=limit)


async def find_old(session: AsyncSession, *, now: datetime) -> list[OldRows]:
    """Return the tokens that have ended, and of unproven calls all but the newest."""
    unproven = await queries.find_old_unproven(session, keep=UNPROVEN_KEPT)
    return [queries.old_tokens(before=now), *unproven]


def _match_signature(
    client: PartnerClient, headers: TransactionHeaders, wire: Wire, *, at: datetime
) -> Step | None:
    """Return the form of the body that was signed. Count what previous credentials signed."""
    verdict_of = partial(rules.signature_verdict, headers=headers, wire=wire)
    verdict, is_previous = rules.verify(client, verdict_of, at=at)
    if is_previous:
        count_previous(client, is_token_request=False)
    return verdict.step


def _check_grant(wire: Wire) -> None:
    dropped: set[str] = set()
    try:
        TokenRequest.read(parse_object(wire.body), dropped=dropped)
    except BodyInvalid:
        raise Refusal(Case.BAD_REQUEST) from None
    except FieldProblem as problem:
        raise rules.malformed(Service.ACCESS_TOKEN, problem) from None
    count_dropped(Service.ACCESS_TOKEN, TokenRequest, dropped)
