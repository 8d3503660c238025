"""The routing table of the gateway.

The longest matching prefix decides. `roles` is only a first check: each service decides from the
same token what the principal may see and do.
"""

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.edge.limits import RateClass
from gateway.reference.rules import FILES
from perisai_kit.auth.principal import Role
from perisai_kit.services.operators.access import get_operations_prefix
from perisai_kit.services.read_audits.router import (
    get_own_read_audits_path,
    get_read_audits_path,
)


class Upstream(StrEnum):
    GATEWAY = "gateway"
    AGENT = "agent-service"
    MEMBER = "member-service"
    PAYMENT = "payment-service"


SMALL = 64 * 1024
NORMAL = 1024 * 1024
BATCH = 8 * 1024 * 1024
SNAP_BODY_LIMIT = 64 * 1024

STAFF = frozenset({Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN})
FIELD = STAFF | {Role.AGENT, Role.WADAH_ADMIN}
MONEY = frozenset({Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN})
OPERATORS = frozenset({Role.ADMIN})
AUDITORS = frozenset({Role.AUDITOR})
BANKS = frozenset({Role.FINANCE_OFFICER, Role.ADMIN, Role.BANK_ENGINEER})
SERVICES = frozenset({Role.SERVICE})
LOOKING_UP = frozenset({Role.SERVICE, Role.BRANCH_OFFICER, Role.ADMIN})
ANYONE: frozenset[Role] = frozenset()
"""Any signed-in account: applicants have no role yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """The route of a prefix. roles: None is public, empty is any signed-in account."""

    prefix: str
    upstream: Upstream
    roles: frozenset[Role] | None = ANYONE
    body_limit: int = NORMAL
    rate: RateClass = RateClass.STANDARD

    @property
    def path(self) -> str:
        """The name of the route in logs and metrics, without ids."""
        return f"{self.prefix}/*"


def _public(path: str, rate: RateClass = RateClass.PUBLIC) -> Row:
    return Row(path, Upstream.GATEWAY, None, SMALL, rate)


TABLE: tuple[Row, ...] = (
    _public("/v1/auth/otp", RateClass.AUTH),
    _public("/v1/auth/token", RateClass.AUTH),
    _public("/v1/auth/revocation", RateClass.AUTH),
    _public("/v1/sandbox/otp-outbox", RateClass.AUTH),
    _public("/v1/sandbox/mail-outbox", RateClass.AUTH),
    _public("/v1/server-time"),
    Row("/v1/status", Upstream.GATEWAY, ANYONE, SMALL),
    Row("/v1/me", Upstream.GATEWAY, ANYONE, SMALL),
    # Each service answers for its own part of an overview and of what belongs to the principal.
    Row("/v1/overview/agents", Upstream.AGENT, ANYONE, SMALL),
    Row("/v1/overview/members", Upstream.MEMBER, ANYONE, SMALL),
    Row("/v1/overview/payments", Upstream.PAYMENT, ANYONE, SMALL),
    Row("/v1/me/agent", Upstream.AGENT, ANYONE, SMALL),
    Row("/v1/me/attribution", Upstream.MEMBER, ANYONE, SMALL),
    Row("/v1/me/coverage", Upstream.MEMBER, ANYONE, SMALL),
    Row("/v1/me/bills", Upstream.PAYMENT, ANYONE, SMALL),
    Row("/v1/me/incentive", Upstream.PAYMENT, ANYONE, SMALL),
    Row("/v1/me/tax-slips", Upstream.PAYMENT, ANYONE, SMALL),
    Row("/v1/me/tax-recaps", Upstream.PAYMENT, ANYONE, SMALL),
    Row("/v1/me/payouts", Upstream.PAYMENT, ANYONE, SMALL),
    Row("/v1/accounts", Upstream.GATEWAY, frozenset({Role.ADMIN, Role.AUDITOR}), SMALL),
    Row("/v1/account-lookups", Upstream.GATEWAY, frozenset({Role.ADMIN, Role.AUDITOR}), SMALL),
    Row("/v1/signing-keys", Upstream.GATEWAY, frozenset({Role.ADMIN}), SMALL),
    Row("/v1/revocations", Upstream.GATEWAY, SERVICES, SMALL),
    Row("/v1/confirmation-codes", Upstream.GATEWAY, SERVICES, SMALL),
    Row("/v1/phone-notices", Upstream.GATEWAY, SERVICES, SMALL),
    *(Row(get_operations_prefix(each), each, OPERATORS, SMALL) for each in Upstream),
    *(Row(get_own_read_audits_path(each), each, ANYONE, SMALL) for each in Upstream),
    *(Row(get_read_audits_path(each), each, AUDITORS, SMALL) for each in Upstream),
    Row("/v1/branches", Upstream.AGENT),
    Row("/v1/wadahs", Upstream.AGENT),
    Row("/v1/wadah-names", Upstream.AGENT, SERVICES, SMALL),
    Row("/v1/applications", Upstream.AGENT),
    Row("/v1/agents", Upstream.AGENT),
    Row("/v1/agent-names", Upstream.AGENT, SERVICES, SMALL),
    Row("/v1/bank-accounts", Upstream.AGENT, FIELD, SMALL),
    Row("/v1/tax-identities", Upstream.AGENT, FIELD, SMALL),
    Row("/v1/wadah-moves", Upstream.AGENT, FIELD, SMALL),
    Row("/v1/payees", Upstream.AGENT, SERVICES, SMALL),
    Row("/v1/members", Upstream.MEMBER),
    Row("/v1/enrolment-batches", Upstream.MEMBER, FIELD, BATCH, RateClass.HEAVY),
    Row("/v1/risk-flags", Upstream.MEMBER, STAFF, SMALL),
    Row("/v1/member-lookups", Upstream.MEMBER, LOOKING_UP, SMALL),
    Row("/v1/contribution-bases", Upstream.MEMBER, SERVICES, SMALL),
    Row("/v1/occupations", Upstream.MEMBER),
    Row("/v1/handovers", Upstream.MEMBER),
    Row("/v1/holidays", Upstream.MEMBER),
    Row("/v1/quotes", Upstream.PAYMENT),
    Row("/v1/bills", Upstream.PAYMENT),
    Row("/v1/orders", Upstream.PAYMENT),
    Row("/v1/payments", Upstream.PAYMENT),
    Row("/v1/collections", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/refused-payments", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/suspense-items", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/bank-partners", Upstream.PAYMENT, BANKS),
    Row("/v1/account-verifications", Upstream.PAYMENT, SERVICES, SMALL),
    Row("/v1/ledger", Upstream.PAYMENT, MONEY),
    Row("/v1/commission-schemes", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/scheme-comparisons", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/payout-files", Upstream.PAYMENT, MONEY),
    Row("/v1/commission-months", Upstream.PAYMENT, FIELD, SMALL),
    Row("/v1/commission-previews", Upstream.PAYMENT, FIELD, SMALL),
    Row("/v1/statements", Upstream.PAYMENT, FIELD, SMALL),
    Row("/v1/statement-documents", Upstream.PAYMENT, FIELD, SMALL),
    Row("/v1/disputes", Upstream.PAYMENT, FIELD, SMALL),
    Row("/v1/bonus-reviews", Upstream.PAYMENT, STAFF, SMALL),
    Row("/v1/incentive-holds", Upstream.PAYMENT, STAFF, SMALL),
    Row("/v1/tax-slips", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/tax-recaps", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/tax-remittances", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/tax-dues", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/payout-accounts", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/payout-stops", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/payout-runs", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/payout-confirmations", Upstream.PAYMENT, MONEY, SMALL),
    Row("/v1/payouts", Upstream.PAYMENT, FIELD, SMALL),
)

OPEN: tuple[Row, ...] = tuple(
    _public(path)
    for path in ("/health", "/ready", "/.well-known/jwks.json", "/openapi.json", *FILES)
)
"""The gateway's own public addresses outside /v1."""
INNER_PATHS = ("/health", "/ready", "/ready/details", "/metrics", "/feed")
"""Addresses of the inner port. Of these, the public port has only those in `OPEN`."""

SNAP_ENDINGS: dict[str, str] = {
    "/access-token/b2b": "73",
    "/transfer-va/inquiry": "24",
    "/transfer-va/payment": "25",
}
"""Endings that banks may call, with the service code. Source: docs/snap.md, service list."""

SNAP_OTHER_ENDINGS: dict[str, str] = {
    "/transfer-va/status": "26",
    "/transfer-va/create-va": "27",
    "/transfer-va/update-va": "28",
    "/transfer-va/update-status": "29",
    "/transfer-va/inquiry-va": "30",
    "/transfer-va/delete-va": "31",
    "/transfer-va/inquiry-intrabank": "32",
    "/transfer-va/payment-intrabank": "33",
    "/transfer-va/notify-payment-intrabank": "34",
    "/transfer-va/report": "35",
}
"""Services of the standard that we do not offer; the refusal contains their code."""
SNAP_SERVICE_UNKNOWN = "00"


UNRESERVED = frozenset(f"{string.ascii_letters}{string.digits}-._~")
"""Source: RFC 3986 2.3."""
_ENCODED = re.compile("%([0-9A-Fa-f]{2})")


class Routes:
    """The routing table, indexed for look-up by path."""

    def __init__(self, rows: Iterable[Row] = TABLE, exact: Iterable[Row] = OPEN) -> None:
        """exact: rows that match one address only."""
        self._exact = {row.prefix: row for row in exact}
        self._rows: dict[str, list[tuple[str, Row]]] = {}
        for row in sorted(rows, key=lambda each: -len(each.prefix)):
            self._rows.setdefault(_get_root(row.prefix), []).append((f"{row.prefix}/", row))

    def find_target(self, raw_path: bytes, path: str) -> Row | None:
        """Return the row of a request; None for an encoded slash, which separates no segments.

        raw_path: as it was sent. path: decoded. Of percent-encodings only those of unreserved
        characters are another spelling of the same address. Source: RFC 3986 2.3, 6.2.2.2.
        """
        if b"%" not in raw_path:
            return self.find(path)
        kept = _ENCODED.sub(_decode_unreserved, raw_path.decode("latin-1"))
        return None if "%2F" in kept else self.find(kept)

    def find(self, path: str) -> Row | None:
        """Return the row of this address, or the one with the longest prefix of whole segments."""
        if path in self._exact:
            return self._exact[path]
        for prefix, row in self._rows.get(_get_root(path), ()):
            if path.startswith(prefix) or path == row.prefix:
                return row
        return None


def _decode_unreserved(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in UNRESERVED else found[0].upper()


def _get_root(path: str) -> str:
    """Return the first two segments of a path: `/v1/members`."""
    return "/".join(path.split("/", 3)[:3])


def list_snap_roots(prefixes: Sequence[str]) -> tuple[str, ...]:
    """Return the first segments of the banks' prefixes: `/snap/` of `/snap/v1.0`."""
    return tuple(sorted({f"/{prefix.split('/')[1]}/" for prefix in prefixes}))


def get_snap_service(path: str) -> str:
    """Return the service code of a path, or `00`."""
    for ending, service in (SNAP_ENDINGS | SNAP_OTHER_ENDINGS).items():
        if path.rstrip("/").endswith(ending):
            return service
    return SNAP_SERVICE_UNKNOWN
