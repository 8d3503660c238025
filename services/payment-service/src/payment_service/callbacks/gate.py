"""Who may come in: tokens for banks, and the proof that a message is its sender's.

One process remembers the partners it knows and the tokens it has seen. Both come from the
database; a change of a known partner counts within `cache_s` seconds, and a partner or token that
is not known here is looked for at once. Nothing but a good answer is remembered.
"""

import asyncio
import json
import re
import secrets
import time
from collections import Counter, OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus, Sources, sources
from payment_service.callbacks import queries, rules
from payment_service.callbacks.rules import Caller, Check, Refusal, Wire
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
from snap_bi.messages import Echo, TokenRequest
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.strict_json import parse_object
from snap_bi.verification import Verdict as SignatureVerdict
from snap_bi.verification import bearer_token

REMEMBERED_TOKENS = 10_000
TOKEN_BYTES = 48
NOTED_A_MINUTE = 20
"""Unproven calls in one partner's name that a process keeps: anybody may send them."""
# Of what a stranger may have sent only that is kept which can be no text of his own.
_TIMESTAMP = re.compile(r"[0-9TZ:.+-]{1,35}")
_EXTERNAL_ID = re.compile(r"[0-9]{1,36}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CHECKS = {
    rules.NOT_ADMITTED: Check.SOURCE,
    "Unknown client": Check.CLIENT,
    "Timestamp": Check.TIMESTAMP,
    "Signature": Check.SIGNATURE,
}

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
        self._noted: Counter[UUID] = Counter()
        self._noted_in = 0

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

    async def named(self, wire: Wire) -> Caller | None:
        """Return the partner in whose name a call came, proven or not."""
        callers = await self.callers()
        token = bearer_token(wire.headers.get("authorization"))
        owner = self._owners.get(rules.token_hash(token)) if token else None
        if owner is not None:
            return rules.find_partner(callers, owner[0])
        client_key, partner_id = (
            wire.headers.get(name, "").strip() for name in ("x-client-key", "x-partner-id")
        )
        named = [caller for caller in callers if partner_id in caller.ids]
        only = named[0] if len(named) == 1 else None
        return rules.find_client(callers, client_key) or only

    def may_note(self, partner_id: UUID, *, at: float) -> bool:
        """Count an unproven call of a partner; tell whether it is still one of the first.

        at: seconds of a clock that only goes forward.
        """
        minute = int(at // 60)
        if minute != self._noted_in:
            self._noted_in = minute
            self._noted.clear()
        self._noted[partner_id] += 1
        return self._noted[partner_id] <= NOTED_A_MINUTE

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
    if not rules.token_verdict(caller, headers).is_accepted:
        raise Refusal(Case.UNAUTHORIZED, "Signature")
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


async def note_unproven(
    gate: Gate, service: Service, wire: Wire, *, refused: Refusal, answer: Answer
) -> None:
    """Keep why a call in a known partner's name was not believed, for that bank's engineer.

    A record that cannot be written changes no answer.
    """
    caller = await gate.named(wire)
    if caller is None or not gate.may_note(caller.partner_id, at=time.monotonic()):
        return
    verdict = _tried(caller, service, wire)
    values: dict[str, object] = {
        "id": new_id(),
        "partner_id": caller.partner_id,
        "service": service.value,
        "received_at": clock.real_now(),
        "source": rules.plain(wire.source or "", rules.SOURCE_LENGTH),
        "target": rules.plain(wire.target, rules.TARGET_LENGTH),
        "timestamp": _lawful(_TIMESTAMP, wire.headers.get("x-timestamp", "")),
        "external_id": _lawful(_EXTERNAL_ID, wire.headers.get("x-external-id", "")),
        "request_id": _lawful(_REQUEST_ID, _echo(wire).request_id),
        "failed_check": _failed_check(refused),
        "string_to_sign": verdict.string_to_sign if verdict else None,
        "signed_over": verdict.step.value if verdict and verdict.step else None,
        "http_status": answer.http_status,
        "response_code": answer.response_code,
        "response_message": json.loads(answer.body)["responseMessage"],
    }
    try:
        async with gate.database.begin() as session:
            queries.insert_unproven(session, values)
    except (SQLAlchemyError, OSError) as error:
        log.warning("callback.unnoted", error=type(error).__name__)


def _failed_check(refused: Refusal) -> Check:
    if refused.case is Case.INVALID_TOKEN:
        return Check.TOKEN
    detail = refused.detail or ""
    is_header = detail.startswith("X-") or detail == "CHANNEL-ID"
    return _CHECKS.get(detail, Check.HEADERS if is_header else Check.GRANT)


def _tried(caller: Caller, service: Service, wire: Wire) -> SignatureVerdict | None:
    # Whatever was refused first, the engineer wants to know of the signature too.
    try:
        if service is Service.ACCESS_TOKEN:
            return rules.token_verdict(caller, rules.token_headers(wire))
        return rules.signature_verdict(caller, rules.transaction_headers(service, wire), wire)
    except Refusal:
        return None


def _echo(wire: Wire) -> Echo:
    try:
        return Echo.of(parse_object(wire.body))
    except BodyInvalid:
        return Echo()


def _lawful(form: re.Pattern[str], text: str) -> str | None:
    return text.strip() if form.fullmatch(text.strip()) else None


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
