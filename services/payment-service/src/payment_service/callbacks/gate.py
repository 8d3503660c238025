"""Who may come in: tokens for banks, and the proof that a message is its sender's.

One process remembers the partners it knows and the tokens it has seen. Both come from the
database; a change of a known partner counts within `cache_s` seconds, and a partner or token that
is not known here is looked for at once. Nothing but a good answer is remembered.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus, Sources, sources
from payment_service.callbacks import queries, rules
from payment_service.callbacks.rules import Caller, Refusal, Wire
from payment_service.callbacks.schemas import Signed
from perisai_kit import clock
from perisai_kit.db import Database
from perisai_kit.ids import new_id
from perisai_kit.log import get_logger
from perisai_kit.pii import Keyring
from snap_bi.answers import TOKEN_LIFE_S, Answer, token_answer
from snap_bi.codes import Case, Service
from snap_bi.errors import BodyInvalid, FieldProblem, KeyRefused
from snap_bi.headers import TransactionHeaders
from snap_bi.keys import load_public_key
from snap_bi.messages import TokenRequest
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.strict_json import parse_object

REMEMBERED_TOKENS = 10_000
TOKEN_BYTES = 48

log = get_logger()


class Gate:
    """One an app. trusted: the proxies whose X-Forwarded-For is believed."""

    def __init__(
        self, database: Database, keyring: Keyring, *, trusted: Sources, cache_s: float
    ) -> None:
        self.database = database
        self.keyring = keyring
        self.trusted = trusted
        self._cache_s = cache_s
        self._callers: tuple[Caller, ...] = ()
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()
        self._owners: OrderedDict[bytes, tuple[UUID, datetime]] = OrderedDict()

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
                self._callers = tuple(
                    caller for partner in partners if (caller := _caller(partner)) is not None
                )
                self._loaded_at = started_at
        return self._callers

    async def client(self, client_id: str) -> Caller | None:
        """Return the partner that X-CLIENT-KEY names."""
        found = rules.find_client(await self.callers(), client_id)
        return found or rules.find_client(await self.reload(), client_id)

    async def sender(self, headers: TransactionHeaders, *, now: datetime) -> Caller | None:
        """Return the partner that a living token, else an X-PARTNER-ID without one, stands for."""
        if headers.token is not None:
            owner = await self._owner(headers.token, now=now)
            if owner is not None:
                found = rules.find_partner(await self.callers(), owner)
                return found or rules.find_partner(await self.reload(), owner)
        name, has_token = headers.partner_id, headers.token is not None
        found = rules.asymmetric_caller(await self.callers(), name, has_token=has_token)
        if found is None and not has_token:
            found = rules.asymmetric_caller(await self.reload(), name, has_token=has_token)
        return found

    async def _owner(self, token: str, *, now: datetime) -> UUID | None:
        digest = rules.token_hash(token)
        known = self._owners.get(digest)
        if known is None:
            async with self.database.read() as session:
                row = await queries.find_token(session, digest)
            if row is None:
                return None
            known = self._owners[digest] = (row.partner_id, row.expires_at)
            if len(self._owners) > REMEMBERED_TOKENS:
                self._owners.popitem(last=False)
        partner_id, expires_at = known
        return partner_id if now < expires_at else None


async def issue_token(gate: Gate, wire: Wire) -> tuple[Answer, Caller]:
    """Give a bank a token (service 73). Earlier ones live on: banks run several nodes.

    Raises: Refusal.
    """
    service = Service.ACCESS_TOKEN
    rules.check_source(service, wire.source, await gate.callers())
    headers = rules.token_headers(wire)
    caller = await gate.client(headers.client_key)
    if caller is None:
        raise Refusal(Case.UNAUTHORIZED, "Unknown client")
    rules.check_source(service, wire.source, [caller])
    now = clock.real_now()
    rules.check_time(caller, headers.at, now=now)
    rules.check_token_signature(caller, headers)
    _check_grant(wire)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    async with gate.database.begin() as session:
        queries.insert_token(
            session,
            token_hash=rules.token_hash(token),
            partner_id=caller.partner_id,
            expires_at=now + timedelta(seconds=TOKEN_LIFE_S),
        )
    log.info("snap_token.issued", partner_id=str(caller.partner_id))
    return token_answer(token), caller


async def authenticate(gate: Gate, service: Service, wire: Wire) -> Signed:
    """Return the message (24, 25) of a caller who has proven to be who it says.

    Raises: Refusal.
    """
    rules.check_source(service, wire.source, await gate.callers())
    headers = rules.transaction_headers(service, wire)
    now = clock.real_now()
    caller = await gate.sender(headers, now=now)
    if caller is None:
        raise Refusal(Case.INVALID_TOKEN)
    rules.check_caller(caller, headers, wire, now=now)
    verdict = rules.signature_verdict(caller, headers, wire)
    if verdict.step is None:
        # The string we expected shows a bank's engineer the difference; it holds no secret.
        log.warning(
            "callback.unsigned",
            partner_id=str(caller.partner_id),
            expected=verdict.string_to_sign,
        )
        raise Refusal(Case.UNAUTHORIZED, "Signature")
    return Signed(
        id=new_id(),
        service=service,
        caller=caller,
        wire=wire,
        headers=headers,
        step=verdict.step,
        received_at=now,
    )


def _check_grant(wire: Wire) -> None:
    try:
        TokenRequest.read(parse_object(wire.body))
    except BodyInvalid:
        raise Refusal(Case.BAD_REQUEST) from None
    except FieldProblem as problem:
        raise rules.malformed(Service.ACCESS_TOKEN, problem) from None


def _caller(partner: BankPartner) -> Caller | None:
    profile = PROFILES.get(partner.profile)
    try:
        public_key = load_public_key(partner.public_key_pem)
    except KeyRefused:
        public_key = None
    if profile is None or public_key is None:
        # One that cannot be used must not keep the others out.
        log.error("bank_partner.unusable", partner_id=str(partner.id))
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
    )
