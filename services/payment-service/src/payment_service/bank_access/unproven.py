"""What may be spent on callers who have not proven who they are: work, rows and metrics.

Anybody may call a bank's addresses in a bank's name. Such a call is checked like every other, but
only a few at once, and little is kept of it. Who has shown a good signature or a living token is
not bounded, so what others send in its name does not crowd it out.
"""

import json
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from prometheus_client import Counter as Metric
from sqlalchemy.exc import SQLAlchemyError

from payment_service.bank_access import queries, rules
from payment_service.bank_access.rules import CallbackCheck, Caller, Refusal, Wire
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
"""The same in all partners' names together, those of likely callers not counted."""

# Of what a stranger may have sent only that is kept which can be no text of his own.
_TIMESTAMP = re.compile(r"[0-9TZ:.+-]{1,35}")
_EXTERNAL_ID = re.compile(r"[0-9]{1,36}")
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
log = get_logger()


class TooManyUnproven(Exception):
    """A call that is not checked: its connection is closed without an answer.

    A bank reads every code as the outcome of a payment, and gives money back on some; no answer
    it reads as unknown, and asks again.
    """


class UnprovenChecks:
    """Which callers are proven, and how many of the others are being checked. One an app."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """now: seconds of a clock that only goes forward."""
        self._now = now
        self._running: Counter[str] = Counter()
        self._proven: OrderedDict[tuple[UUID, str], float] = OrderedDict()

    @contextmanager
    def check(self, source: str | None) -> Iterator[None]:
        """Hold one of the places for unproven callers. Raises: TooManyUnproven."""
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

    def note_proven(self, caller: Caller, source: str | None) -> None:
        """Remember that a partner has proven itself from an address."""
        key = (caller.partner_id, neighbourhood(source))
        self._proven[key] = self._now() + PROVEN_FOR_S
        self._proven.move_to_end(key)
        if len(self._proven) > PROVEN_REMEMBERED:
            self._proven.popitem(last=False)

    def is_proven(self, caller: Caller, source: str | None) -> bool:
        """Tell whether a partner has proven itself from this address of late."""
        return self._proven.get((caller.partner_id, neighbourhood(source)), 0.0) > self._now()


class UnprovenNotes:
    """How many unproven calls were kept this minute. One an app."""

    def __init__(self) -> None:
        self._noted: Counter[tuple[UUID, bool]] = Counter()
        self._minute = 0

    def may_note(self, partner_id: UUID, *, is_likely: bool, at: float) -> bool:
        """Count a call; tell whether it is still one of the first of its kind.

        is_likely: whether it came from where the partner has proven itself or is to call from;
        these are counted apart, so that strangers do not hide what goes wrong at the bank.
        at: seconds of a clock that only goes forward.
        """
        minute = int(at // 60)
        if minute != self._minute:
            self._minute = minute
            self._noted.clear()
        key = (partner_id, is_likely)
        strangers = sum(count for (_, likely), count in self._noted.items() if not likely)
        if self._noted[key] >= NOTED_A_MINUTE:
            return False
        if not is_likely and strangers >= ALL_NOTED_A_MINUTE:
            return False
        self._noted[key] += 1
        return True


@lru_cache(maxsize=4096)  # of each payment, and from few addresses
def neighbourhood(source: str | None) -> str:
    """Return the address that counts as one caller: of IPv6 the /64 that a subscriber is given."""
    try:
        address = ip_address(source or "")
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


def is_listed(callers: Iterable[Caller], source: str | None) -> bool:
    """Tell whether an address is on the allow-list of one of these partners."""
    return any(each.sources.networks and each.sources.admit(source) for each in callers)


async def note_unproven(
    database: Database,
    caller: Caller | None,
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
    if caller is None or not may_note:
        return
    values = _values(caller, *call, check=check, answer=answer)
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


def _values(
    caller: Caller, service: Service, wire: Wire, *, check: CallbackCheck, answer: Answer
) -> dict[str, object]:
    verdict = _tried(caller, service, wire)
    return {
        "id": new_id(),
        "partner_id": caller.partner_id,
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


def _tried(caller: Caller, service: Service, wire: Wire) -> SignatureVerdict | None:
    # Whatever was refused first, the engineer wants to know of the signature too.
    try:
        if service is Service.ACCESS_TOKEN:
            return rules.token_verdict(caller, rules.token_headers(wire))
        return rules.signature_verdict(caller, rules.transaction_headers(service, wire), wire)
    except Refusal:
        return None


def _lawful(form: re.Pattern[str], text: str) -> str | None:
    return text.strip() if form.fullmatch(text.strip()) else None
