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
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access import queries, rules
from payment_service.bank_access.models import AccessToken, UnprovenRequest
from payment_service.bank_access.rules import Caller, Refusal, Wire
from payment_service.bank_access.schemas import Signed
from payment_service.bank_access.unproven import (
    UnprovenChecks,
    UnprovenNotes,
    count_dropped,
    is_listed,
    note_unproven,
)
from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus, sources
from perisai_kit.db.bulk import OldRows
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.client_address import Network
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger
from snap_bi.answers import TOKEN_LIFE_S, Answer, build_token_answer
from snap_bi.codes import Case, Service
from snap_bi.errors import BodyInvalid, FieldProblem, KeyRefused
from snap_bi.headers import TransactionHeaders
from snap_bi.keys import load_public_key
from snap_bi.messages import TokenRequest
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.strict_json import parse_object
from snap_bi.verification import parse_bearer_token

REMEMBERED_TOKENS = 10_000
TOKEN_BYTES = 48
LOOKS_AGAIN_EVERY_S = 1.0
"""How often partners are read anew because somebody named one that is not known here."""
UNPROVEN_KEPT = 200
"""Of each partner: enough for an engineer at work on a signature, and little for a stranger."""

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
        self._callers: tuple[Caller, ...] = ()
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()
        self._looked_again_at = float("-inf")
        self._owners: OrderedDict[bytes, tuple[UUID, datetime]] = OrderedDict()
        self._lookups: dict[bytes, asyncio.Task[AccessToken | None]] = {}
        self._checks = UnprovenChecks()
        self._notes = UnprovenNotes()

    async def callers(self) -> tuple[Caller, ...]:
        """Return the active and the suspended partners."""
        if time.monotonic() - self._loaded_at >= self._cache_s:
            return await self.reload()
        return self._callers

    async def reload(self) -> tuple[Caller, ...]:
        """Return the partners as they are now; who waits for another's fresh look shares it."""
        asked_at = time.monotonic()
        async with self._loading:
            if self._loaded_at < asked_at:
                started_at = time.monotonic()
                async with self.database.read() as session:
                    partners = await banks.list_known(session)
                found = (_caller(each, self._bank_time_tolerance) for each in partners)
                self._callers = tuple(caller for caller in found if caller is not None)
                self._loaded_at = started_at
        return self._callers

    async def look_again(self) -> tuple[Caller, ...]:
        """Return the partners after a fresh look, of which there is at most one a second.

        For whoever names a partner that is not known here: it may be new, or made up.
        """
        now = time.monotonic()
        if now - self._looked_again_at >= LOOKS_AGAIN_EVERY_S:
            self._looked_again_at = now
            return await self.reload()
        async with self._loading:  # a look that has begun is waited for
            return self._callers

    async def admit(self, wire: Wire) -> AbstractContextManager[None]:
        """Return what a caller is checked within; the places for unproven ones are few.

        Not bounded: a living token, a partner that has proven itself from this address of late,
        and the addresses on a partner's allow-list.
        Raises on entering: TooManyUnproven.
        """
        callers = await self.callers()
        if await self._has_token(wire):  # nearly always
            return nullcontext()
        named = self._candidates(wire, callers)
        if any(self.is_likely(each, wire) for each in named) or is_listed(callers, wire.source):
            return nullcontext()
        return self._checks.check(wire.source)

    def is_likely(self, caller: Caller | None, wire: Wire) -> bool:
        """Tell whether a call comes from where this partner calls from."""
        if caller is None:
            return False
        return self._checks.is_proven(caller, wire.source) or is_listed([caller], wire.source)

    def note_proven(self, caller: Caller, wire: Wire) -> None:
        """Remember that this caller has just proven itself."""
        self._checks.note_proven(caller, wire.source)

    async def client(self, client_id: str) -> Caller | None:
        """Return the partner that X-CLIENT-KEY names."""
        found = rules.find_client(await self.callers(), client_id)
        return found or rules.find_client(await self.look_again(), client_id)

    async def sender(self, headers: TransactionHeaders, *, now: datetime) -> Caller | None:
        """Return the partner that a living token, else an X-PARTNER-ID without one, stands for."""
        if headers.token is not None:
            owner = await self._owner(headers.token, now=now)
            if owner is not None:
                found = rules.find_partner(await self.callers(), owner)
                return found or rules.find_partner(await self.look_again(), owner)
        name, has_token = headers.partner_id, headers.token is not None
        found = rules.asymmetric_caller(await self.callers(), name, has_token=has_token)
        if found is None and not has_token:
            found = rules.asymmetric_caller(await self.look_again(), name, has_token=has_token)
        return found

    async def signer(self, headers: TransactionHeaders, wire: Wire) -> Caller | None:
        """Return the partner whose secret signed a message, whatever has become of its token.

        The token is part of what is signed, and nobody else has the secret.
        """
        if headers.token is None:
            return None
        signed = [
            caller
            for caller in await self.callers()
            if headers.partner_id in caller.ids
            and caller.profile.needs_token
            and rules.signature_verdict(caller, headers, wire).is_accepted
        ]
        return signed[0] if len(signed) == 1 else None

    async def named(self, wire: Wire) -> Caller | None:
        """Return the partner in whose name a call came, proven or not."""
        return self._named(wire, await self.callers())

    def may_note(self, caller: Caller, wire: Wire) -> bool:
        """Count an unproven call in a partner's name; tell whether it may still be kept."""
        is_likely = self.is_likely(caller, wire)
        return self._notes.may_note(caller.partner_id, is_likely=is_likely, at=time.monotonic())

    def _named(self, wire: Wire, callers: tuple[Caller, ...]) -> Caller | None:
        candidates = self._candidates(wire, callers)
        return candidates[0] if len(candidates) == 1 else None

    def _candidates(self, wire: Wire, callers: tuple[Caller, ...]) -> list[Caller]:
        """Return the partners in whose name a call may come: several share a company code."""
        token = parse_bearer_token(wire.headers.get("authorization"))
        owner = self._owners.get(rules.token_hash(token)) if token else None
        client_key, partner_id = (
            wire.headers.get(name, "").strip() for name in ("x-client-key", "x-partner-id")
        )
        if owner is not None:
            found = rules.find_partner(callers, owner[0])
        else:
            found = rules.find_client(callers, client_key)
        if found is not None or owner is not None:
            return [] if found is None else [found]
        return [caller for caller in callers if partner_id in caller.ids]

    async def _has_token(self, wire: Wire) -> bool:
        """Tell whether a call carries a living token; a look for it that runs is waited for.

        So the calls of a bank that has just begun share one look, and those with a made-up token
        find out no more than that before they are bounded.
        """
        token = parse_bearer_token(wire.headers.get("authorization"))
        if token is None:
            return False
        digest = rules.token_hash(token)
        lookup = self._lookups.get(digest)
        if lookup is not None:
            row = await asyncio.shield(lookup)
            return row is not None and clock.real_now() < row.expires_at
        owner = self._owners.get(digest)
        return owner is not None and clock.real_now() < owner[1]

    async def _owner(self, token: str, *, now: datetime) -> UUID | None:
        digest = rules.token_hash(token)
        known = self._owners.get(digest)
        if known is None:
            row = await self._find_token(digest)
            if row is None:
                return None
            known = self.remember_token(digest, row.partner_id, row.expires_at)
        partner_id, expires_at = known
        return partner_id if now < expires_at else None

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


async def prove_client(gate: Gate, wire: Wire) -> Caller:
    """Return the bank that asks for a token (service 73), once it has proven itself.

    Raises: Refusal.
    """
    service = Service.ACCESS_TOKEN
    rules.check_source(service, wire.source, await gate.callers())
    headers = rules.token_headers(wire)
    caller = await gate.client(headers.client_key)
    if caller is None:
        raise Refusal(Case.UNAUTHORIZED, "Unknown client")
    rules.check_source(service, wire.source, [caller])
    rules.check_time(caller, headers.at, now=clock.real_now())
    if not rules.token_verdict(caller, headers).is_accepted:
        raise Refusal(Case.UNAUTHORIZED, "Signature")
    gate.note_proven(caller, wire)
    _check_grant(wire)
    return caller


async def issue_token(gate: Gate, caller: Caller) -> Answer:
    """Give a bank a token. Earlier ones live on: banks run several nodes."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    digest = rules.token_hash(token)
    expires_at = clock.real_now() + timedelta(seconds=TOKEN_LIFE_S)
    async with gate.database.begin() as session:
        queries.insert_token(
            session, token_hash=digest, partner_id=caller.partner_id, expires_at=expires_at
        )
    gate.remember_token(digest, caller.partner_id, expires_at)
    log.info("snap_token.issued", partner_id=str(caller.partner_id))
    return build_token_answer(token)


async def authenticate(gate: Gate, service: Service, wire: Wire) -> Signed:
    """Return the message (24, 25) of a caller who has proven to be who it says.

    A payment flag whose signature is good is returned although it is late; see `Signed.late`.
    Raises: Refusal.
    """
    rules.check_source(service, wire.source, await gate.callers())
    headers = rules.transaction_headers(service, wire)
    now = clock.real_now()
    caller, late = await gate.sender(headers, now=now), None
    if caller is None:
        late = Refusal(Case.INVALID_TOKEN)
        caller = await gate.signer(headers, wire) if service is Service.PAYMENT else None
        if caller is None:
            raise late
    try:
        rules.check_caller(caller, headers, wire)
    except Refusal as refused:
        raise late or refused from None
    try:
        rules.check_time(caller, headers.at, now=now)
    except Refusal as refused:
        late = late or refused
    if late is not None and service is not Service.PAYMENT:
        raise late
    verdict = rules.signature_verdict(caller, headers, wire)
    if verdict.step is None:
        raise late or Refusal(Case.UNAUTHORIZED, "Signature")
    if late is None:
        # A late one may be a copy that somebody else sends.
        gate.note_proven(caller, wire)
    return Signed(
        id=new_id(),
        service=service,
        caller=caller,
        wire=wire,
        headers=headers,
        step=verdict.step,
        received_at=now,
        late=late,
    )


async def record_refusal(
    gate: Gate, service: Service, wire: Wire, *, refused: Refusal, answer: Answer
) -> None:
    """Count a call that was not believed, and keep it where it is one of few in that name."""
    caller = await gate.named(wire)
    await note_unproven(
        gate.database,
        caller,
        (service, wire),
        refused=refused,
        answer=answer,
        may_note=caller is not None and gate.may_note(caller, wire),
    )


async def list_unproven(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[UnprovenRequest]:
    """Return what was sent in a partner's name and not believed, newest first."""
    return await queries.list_unproven(session, partner_id, before=before, limit=limit)


async def find_old(session: AsyncSession, *, now: datetime) -> list[OldRows]:
    """Return the tokens that have ended, and of unproven calls all but the newest."""
    unproven = await queries.find_old_unproven(session, keep=UNPROVEN_KEPT)
    return [queries.old_tokens(before=now), *unproven]


def _check_grant(wire: Wire) -> None:
    dropped: set[str] = set()
    try:
        TokenRequest.read(parse_object(wire.body), dropped=dropped)
    except BodyInvalid:
        raise Refusal(Case.BAD_REQUEST) from None
    except FieldProblem as problem:
        raise rules.malformed(Service.ACCESS_TOKEN, problem) from None
    count_dropped(Service.ACCESS_TOKEN, TokenRequest, dropped)


def _caller(partner: BankPartner, bank_time_tolerance: timedelta) -> Caller | None:
    profile = PROFILES.get(partner.profile)
    try:
        public_key = load_public_key(partner.public_key_pem)
    except KeyRefused:
        public_key = None
    if profile is None or public_key is None:
        # One that cannot be used must not keep the others out.
        log.error("bank_partner.skipped", partner_id=str(partner.id))
        return None
    return Caller(
        partner_id=partner.id,
        profile=profile,
        company_code=partner.company_code,
        client_id=partner.client_id,
        client_secret=partner.client_secret,
        public_key=public_key,
        sources=sources(partner.allowed_sources),
        # Activation has seen to it that one of the first two is there.
        replay_answer=partner.replay_answer or profile.replay_answer or ReplayAnswer.STORED_SUCCESS,
        is_active=partner.status is PartnerStatus.ACTIVE,
        bank_time_tolerance=bank_time_tolerance if partner.trust_bank_time else None,
    )
