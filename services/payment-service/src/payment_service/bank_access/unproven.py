"""Limits for calls that have not proven who sent them: checks at once, rows and metrics.

Anybody may call in a bank's name. Such a call is checked like every other, but only a few are
checked at once, and little of them is kept. A client with a valid signature or token is not
limited, so that calls of others in its name do not crowd it out.
"""

import json
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from prometheus_client import Counter as Metric
from sqlalchemy.exc import SQLAlchemyError

from payment_service.bank_access import queries, rules
from payment_service.bank_access.rules import CallbackCheck, PartnerClient, Refusal, Wire
from payment_service.bank_access.schemas import echo_of
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.runtime.log import get_logger
from snap_bi.answers import Answer
from snap_bi.codes import Case, Service
from snap_bi.fields import Message
from snap_bi.verification import Verdict as SignatureVerdict

CHECKED_AT_ONCE = 8
"""Unproven calls a process checks at once. Each waits for the database at most; the rest of a check
takes less than a millisecond."""
OF_ONE_ADDRESS = 4
"""How many of these may come from one address, so that no single one takes them all."""
PROVEN_FOR_S = 3600.0
"""How long a good signature counts for the same partner and address. Banks ask for a token every
fifteen minutes, and are quiet at night."""
PROVEN_REMEMBERED = 10_000
NOTED_A_MINUTE = 20
"""Unproven calls in one partner's name that a process keeps: anybody may send them."""
ALL_NOTED_A_MINUTE = 100
"""The same in all partners' names together, without the calls that are likely the bank's own."""

# An unproven call may hold any text: only values of these forms are kept.
_TIMESTAMP = re.compile(r"[0-9TZ:.+-]{1,35}")
# Also in a format that was not agreed, which is then to be seen.
_EXTERNAL_ID = re.compile(r"[\x21-\x7e]{1,36}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CHECKS = {
    rules.NOT_ADMITTED: CallbackCheck.SOURCE,
    "Unknown client": CallbackCheck.CLIENT,
    "Timestamp": CallbackCheck.TIMESTAMP,
    "Signature": CallbackCheck.SIGNATURE,
}

unproven_total = Metric(
    "snap_unproven_requests_total",
    "Calls of banks that were not believed.",
    ["failed_check", "kept"],
)
unanswered_total = Metric(
    "snap_unproven_unanswered_total",
    "Calls that were not checked, because too many unproven ones were being checked.",
)
dropped_total = Metric(
    "snap_dropped_fields_total",
    "Optional fields of banks' messages that were left out, being odd or not known.",
    ["service", "field"],
)
previous_total = Metric(
    "snap_previous_credentials_total",
    "Requests of banks that were signed with credentials which have been replaced.",
    ["partner_id", "credential"],
)
log = get_logger()


class TooManyUnproven(Exception):
    """A call that is not checked: its connection is closed without an answer.

    A bank reads every code as the outcome of a payment, and gives money back on some; no answer
    it reads as unknown, and asks again.
    """


class UnprovenChecks:
    """Which clients are proven, and how many unproven calls are being checked. One per app."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """now: seconds of a clock that only goes forward."""
        self._now = now
        self._running: Counter[str] = Counter()
        self._proven: OrderedDict[tuple[UUID, str], float] = OrderedDict()

    @contextmanager
    def check(self, source: str | None) -> Iterator[None]:
        """Hold one of the places for unproven calls. Raises: TooManyUnproven."""
        address = neighbourhood(source)
        is_full = self._running.total() >= CHECKED_AT_ONCE
        if is_full or self._running[address] >= OF_ONE_ADDRESS:
            unanswered_total.inc()
            raise TooManyUnproven
        self._running[address] += 1
        try:
            yield
        finally:
            self._running[address] -= 1
            if not self._running[address]:
                del self._running[address]

    def note_proven(self, client: PartnerClient, source: str | None) -> None:
        """Remember that a client has proven itself from an address."""
        key = (client.partner_id, neighbourhood(source))
        self._proven[key] = self._now() + PROVEN_FOR_S
        self._proven.move_to_end(key)
        if len(self._proven) > PROVEN_REMEMBERED:
            self._proven.popitem(last=False)

    def is_proven(self, client: PartnerClient, source: str | None) -> bool:
        """Tell whether a client has recently proven itself from this address."""
        return self._proven.get((client.partner_id, neighbourhood(source)), 0.0) > self._now()


class UnprovenNotes:
    """How many unproven calls were kept this minute. One an app."""

    def __init__(self) -> None:
        self._noted: Counter[tuple[UUID, bool]] = Counter()
        self._minute = 0

    def may_note(self, partner_id: UUID, *, is_likely: bool, at: float) -> bool:
        """Count a call; tell whether it is still one of the first of its kind.

        is_likely: whether it came from an address where the partner has proven itself, or from its
        allow-list. Those are counted apart, so that calls of others do not hide the bank's own.
        at: seconds of a clock that only goes forward.
        """
        minute = int(at // 60)
        if minute != self._minute:
            self._minute = minute
            self._noted.clear()
        key = (partner_id, is_likely)
        unlikely = sum(count for (_, likely), count in self._noted.items() if not likely)
        if self._noted[key] >= NOTED_A_MINUTE:
            return False
        if not is_likely and unlikely >= ALL_NOTED_A_MINUTE:
            return False
        self._noted[key] += 1
        return True


@lru_cache(maxsize=4096)  # of each payment, and from few addresses
def neighbourhood(source: str | None) -> str:
    """Return the network of a client: its IPv4 address, or the /64 of its IPv6 address."""
    try:
        address = ip_address(source or "")
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


def is_listed(clients: Iterable[PartnerClient], source: str | None) -> bool:
    """Tell whether an address is on the allow-list of one of these clients."""
    return any(each.sources.networks and each.sources.admit(source) for each in clients)


async def note_unproven(
    database: Database,
    client: PartnerClient | None,
    call: tuple[Service, Wire],
    *,
    refused: Refusal,
    answer: Answer,
    may_note: bool,
) -> None:
    """Keep why a call in a known partner's name was not believed, for that bank's engineer.

    A record that cannot be written changes no answer.
    """
    check = _failed_check(refused)
    unproven_total.labels(check.value, "yes" if may_note else "no").inc()
    if client is None or not may_note:
        return
    values = _values(client, *call, check=check, answer=answer)
    try:
        async with database.begin() as session:
            queries.insert_unproven(session, values)
    except (SQLAlchemyError, OSError) as error:
        log.warning("callback.not_recorded", error=type(error).__name__)


def count_dropped(service: Service, kind: type[Message], names: Iterable[str]) -> None:
    """Count fields that were left out; one that the standard does not know as `unknown`."""
    for name in names:
        is_known = name == "CHANNEL-ID" or name in kind.wire_names()
        dropped_total.labels(service.value, name if is_known else "unknown").inc()


def count_previous(client: PartnerClient, *, is_token_request: bool) -> None:
    """Count a request that was signed with the credentials before the present ones."""
    has_secret = client.profile.needs_token and not is_token_request
    credential = "client_secret" if has_secret else "public_key"
    previous_total.labels(str(client.partner_id), credential).inc()


def _values(
    client: PartnerClient, service: Service, wire: Wire, *, check: CallbackCheck, answer: Answer
) -> dict[str, object]:
    verdict = _tried(client, service, wire)
    return {
        "id": new_id(),
        "partner_id": client.partner_id,
        "service": service.value,
        "received_at": clock.real_now(),
        "source": rules.plain(wire.source or "", rules.SOURCE_LENGTH),
        "target": rules.plain(wire.target, rules.TARGET_LENGTH),
        "timestamp": _lawful(_TIMESTAMP, wire.headers.get("x-timestamp", "")),
        "external_id": _lawful(_EXTERNAL_ID, wire.headers.get("x-external-id", "")),
        "request_id": _lawful(_REQUEST_ID, echo_of(wire).request_id),
        "failed_check": check,
        "string_to_sign": verdict.string_to_sign if verdict else None,
        "signed_over": verdict.step.value if verdict and verdict.step else None,
        "http_status": answer.http_status,
        "response_code": answer.response_code,
        "response_message": json.loads(answer.body)["responseMessage"],
    }


def _failed_check(refused: Refusal) -> CallbackCheck:
    if refused.case is Case.INVALID_TOKEN:
        return CallbackCheck.TOKEN
    detail = refused.detail or ""
    is_header = detail.startswith("X-") or detail == "CHANNEL-ID"
    return _CHECKS.get(detail, CallbackCheck.HEADERS if is_header else CallbackCheck.GRANT)


def _tried(client: PartnerClient, service: Service, wire: Wire) -> SignatureVerdict | None:
    # The engineer wants to see the signature too, whichever check failed first.
    now = clock.real_now()
    try:
        if service is Service.ACCESS_TOKEN:
            of_token = partial(rules.token_verdict, headers=rules.token_headers(wire))
            return rules.verify(client, of_token, at=now)[0]
        form = client.external_id_format
        headers = rules.transaction_headers(service, wire, external_id_format=form)
        signed = partial(rules.signature_verdict, headers=headers, wire=wire)
        return rules.verify(client, signed, at=now)[0]
    except Refusal:
        return None


def _lawful(form: re.Pattern[str], text: str) -> str | None:
    return text.strip() if form.fullmatch(text.strip()) else None
