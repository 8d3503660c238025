"""One request of the platform: whose it is, whether it is signed, and how it is answered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import TypeAlias

from fastapi import APIRouter, Request, Response

from perisai_kit.domain import clock
from sandbox.fakebank.accounts import Accounts
from sandbox.fakebank.config import Partner, Partners
from sandbox.fakebank.deliveries import Delivery, deliver
from sandbox.fakebank.flags import Flags
from sandbox.fakebank.journal import Call, Journal
from sandbox.fakebank.money import MoneyBook
from sandbox.fakebank.plans import Plans
from snap_bi.answers import TOKEN_LIFE_S, Answer, build_refusal
from snap_bi.codes import Case, Service, find_case, format_response_code
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.fields import Message
from snap_bi.headers import TransactionHeaders, read_transaction_headers
from snap_bi.profiles import Profile
from snap_bi.strict_json import parse_object
from snap_bi.timestamps import is_within_skew
from snap_bi.verification import (
    SignedParts,
    Verdict,
    verify_asymmetric_request,
    verify_symmetric_request,
)

MAX_TOKENS = 10_000
Handle: TypeAlias = "Callable[[BankSide, Exchange], Answer]"


class Refused(Exception):
    """The bank refuses a request."""

    def __init__(self, case: Case, detail: str | None = None) -> None:
        super().__init__(case.name)
        self.case = case
        self.detail = detail


@dataclass(slots=True)
class BankSide:
    """The state of the serving half."""

    partners: Partners
    accounts: Accounts
    flags: Flags
    journal: Journal
    money: MoneyBook
    plans: Plans
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    # Partner and partnerReferenceNo of the account inquiries, which BCA requires before a transfer.
    inquired: set[tuple[str, str]] = field(default_factory=set)

    def issue_token(self, partner: Partner) -> str:
        now = clock.real_now()
        token = token_urlsafe(24)
        self.tokens[token] = (partner.entry.partner_id, now + timedelta(seconds=TOKEN_LIFE_S))
        if len(self.tokens) > MAX_TOKENS:
            del self.tokens[next(iter(self.tokens))]
        return token

    def find_by_token(self, token: str | None) -> Partner:
        """Return the partner of a token. Raises: Refused when it is unknown or has expired."""
        partner_id, until = self.tokens.get(token or "", ("", clock.real_now()))
        for partner in self.partners.all():
            if partner.entry.partner_id == partner_id and clock.real_now() < until:
                return partner
        raise Refused(Case.INVALID_TOKEN)

    def find_asymmetric(self, x_partner_id: str) -> Partner:
        """Return the partner with this id and an asymmetric profile. Raises: Refused."""
        for partner in self.partners.all():
            names = (partner.entry.our_client_id, partner.entry.company_code)
            if not partner.profile.needs_token and x_partner_id in names:
                return partner
        raise Refused(Case.UNAUTHORIZED, "Unknown client")


@dataclass(slots=True)
class Exchange:
    """One request in progress, with its data for the journal. delivery: of the answer."""

    request: Request
    body: bytes
    service: Service
    partner: Partner | None = None
    external_id: str | None = None
    verdict: Verdict | None = None
    delivery: Delivery = Delivery.WHOLE

    @property
    def target(self) -> str:
        scope = self.request.scope
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        return (path + b"?" + query if query else path).decode("latin-1")


def serve(router: APIRouter, path: str, side: BankSide, service: Service, handle: Handle) -> None:
    """Serve a service at a path. Profiles share paths: the first route of a path serves all."""

    async def answer(request: Request) -> Response:
        exchange = Exchange(request, await request.body(), service)
        return deliver(_answer(side, exchange, handle), exchange.delivery)

    router.add_api_route(path, answer, methods=["POST"])


def identify(side: BankSide, exchange: Exchange) -> Partner:
    """Return the partner with a valid signature. Raises: Refused, FieldProblem."""
    headers = read_transaction_headers(exchange.request.headers)
    exchange.external_id = headers.external_id
    partner = (
        side.find_by_token(headers.token)
        if headers.token
        else side.find_asymmetric(headers.partner_id)
    )
    exchange.partner = partner
    check_skew(partner.profile, headers.at)
    exchange.verdict = _verify(partner, exchange, headers)
    if not exchange.verdict.is_accepted:
        raise Refused(Case.UNAUTHORIZED, "Signature")
    return partner


def check_skew(profile: Profile, at: datetime) -> None:
    """Refuse a timestamp that is too old or too far ahead. Raises: Refused."""
    if not is_within_skew(at, now=clock.real_now(), skew_s=profile.skew_s):
        raise Refused(Case.UNAUTHORIZED, "Timestamp")


def successful(exchange: Exchange, answer: Message) -> Answer:
    """Return a message as the successful answer to a request."""
    return Answer(200, format_response_code(exchange.service, Case.SUCCESSFUL), answer.to_bytes())


def _answer(side: BankSide, exchange: Exchange, handle: Handle) -> Answer:
    service = exchange.service
    try:
        answer = handle(side, exchange)
    except Refused as no:
        answer = build_refusal(service, no.case, detail=no.detail)
    except FieldProblem as problem:
        answer = build_refusal(service, find_case(service, problem), detail=problem.field)
    except BodyInvalid:
        answer = build_refusal(service, Case.BAD_REQUEST)
    verdict = exchange.verdict
    side.journal.add(
        Call(
            at=clock.real_now().isoformat(),
            direction="in",
            partner_id=exchange.partner.entry.partner_id if exchange.partner else None,
            service=service,
            external_id=exchange.external_id,
            string_to_sign=verdict.string_to_sign if verdict else None,
            matched_step=verdict.step if verdict else None,
            http_status=answer.http_status,
            response_code=answer.response_code,
            body=None if service is Service.ACCESS_TOKEN else parse_object(answer.body),
            note=None if exchange.delivery is Delivery.WHOLE else exchange.delivery,
        )
    )
    return answer


def _verify(partner: Partner, exchange: Exchange, headers: TransactionHeaders) -> Verdict:
    parts = SignedParts(
        method=exchange.request.method,
        target=exchange.target,
        body=exchange.body,
        timestamp=headers.timestamp,
        signature=headers.signature,
        token=headers.token or "",
    )
    if not partner.profile.needs_token:
        return verify_asymmetric_request(partner.profile, parts, public_key=partner.our_public_key)
    secret = partner.entry.our_client_secret.get_secret_value()
    return verify_symmetric_request(partner.profile, parts, secret=secret)
