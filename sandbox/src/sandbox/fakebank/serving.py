"""The bank's services for the platform: token (73), account inquiries (15, 16), payments (26)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from fastapi import APIRouter, Request, Response

from perisai_kit.domain import clock
from sandbox.fakebank.accounts import Accounts
from sandbox.fakebank.config import Partner, Partners
from sandbox.fakebank.flags import Flags
from sandbox.fakebank.journal import Call, Journal
from snap_bi.answers import TOKEN_LIFE_S, Answer, build_refusal, build_token_answer
from snap_bi.codes import Case, Service, find_case, format_response_code
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.headers import TransactionHeaders, read_token_headers, read_transaction_headers
from snap_bi.messages import (
    AccountInquiryAnswer,
    AccountInquiryRequest,
    PaymentStatusAnswer,
    PaymentStatusData,
    PaymentStatusRequest,
    TokenRequest,
)
from snap_bi.profiles import PROFILES, Profile
from snap_bi.strict_json import parse_object
from snap_bi.timestamps import TimestampFormat, format_timestamp, is_within_skew
from snap_bi.verification import (
    SignedParts,
    Verdict,
    verify_asymmetric_request,
    verify_symmetric_request,
    verify_token_request,
)

MAX_TOKENS = 10_000
_Handle: TypeAlias = "Callable[[BankSide, _Exchange], Answer]"


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
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def issue_token(self, partner: Partner) -> str:
        now = clock.real_now()
        token = secrets.token_urlsafe(24)
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


def snap_router(side: BankSide) -> APIRouter:
    """Return the routes for the bank paths of all profiles."""
    router = APIRouter(include_in_schema=False)
    for profile in PROFILES.values():
        _serve(router, profile.token_path, side, Service.ACCESS_TOKEN, _token)
        for service, path in (
            (Service.ACCOUNT_INQUIRY_INTERNAL, profile.account_inquiry_internal_path),
            (Service.ACCOUNT_INQUIRY_EXTERNAL, profile.account_inquiry_external_path),
        ):
            _serve(router, path, side, service, _inquire)
        _serve(router, profile.payment_status_path, side, Service.PAYMENT_STATUS, _tell_status)
    return router


def _serve(router: APIRouter, path: str, side: BankSide, service: Service, handle: _Handle) -> None:
    async def answer(request: Request) -> Response:
        return _finish(side, _Exchange(request, await request.body(), service), handle)

    # Profiles share paths; the first route of a path serves them all.
    router.add_api_route(path, answer, methods=["POST"])


@dataclass(slots=True)
class _Exchange:
    """One request in progress, with its data for the journal."""

    request: Request
    body: bytes
    service: Service
    partner: Partner | None = None
    external_id: str | None = None
    verdict: Verdict | None = None

    @property
    def target(self) -> str:
        scope = self.request.scope
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        return (path + b"?" + query if query else path).decode("latin-1")


def _finish(side: BankSide, exchange: _Exchange, handle: _Handle) -> Response:
    service = exchange.service
    try:
        answer = handle(side, exchange)
    except Refused as no:
        answer = build_refusal(service, no.case, detail=no.detail)
    except FieldProblem as problem:
        answer = build_refusal(service, find_case(service, problem), detail=problem.field)
    except BodyInvalid:
        answer = build_refusal(service, Case.BAD_REQUEST)
    now = clock.real_now()
    verdict = exchange.verdict
    side.journal.add(
        Call(
            at=now.isoformat(),
            direction="in",
            partner_id=exchange.partner.entry.partner_id if exchange.partner else None,
            service=service,
            external_id=exchange.external_id,
            string_to_sign=verdict.string_to_sign if verdict else None,
            matched_step=verdict.step if verdict else None,
            http_status=answer.http_status,
            response_code=answer.response_code,
            body=None if service is Service.ACCESS_TOKEN else parse_object(answer.body),
        )
    )
    headers = {"X-TIMESTAMP": format_timestamp(now, TimestampFormat.SECONDS)}
    return Response(answer.body, answer.http_status, headers=headers, media_type="application/json")


def _token(side: BankSide, exchange: _Exchange) -> Answer:
    headers = read_token_headers(exchange.request.headers)
    partners = [one for one in side.partners.all() if one.entry.our_client_id == headers.client_key]
    if not partners:
        raise Refused(Case.UNAUTHORIZED, "Unknown client")
    for partner in partners:
        exchange.partner = partner
        exchange.verdict = verify_token_request(
            client_id=headers.client_key,
            timestamp=headers.timestamp,
            signature=headers.signature,
            public_key=partner.our_public_key,
        )
        if exchange.verdict.is_accepted:
            _check_skew(partner.profile, headers.at)
            TokenRequest.read(parse_object(exchange.body))
            return build_token_answer(side.issue_token(partner))
    raise Refused(Case.UNAUTHORIZED, "Signature")


def _identify(side: BankSide, exchange: _Exchange) -> Partner:
    """Return the partner with a valid signature. Raises: Refused, FieldProblem."""
    headers = read_transaction_headers(exchange.request.headers)
    exchange.external_id = headers.external_id
    partner = (
        side.find_by_token(headers.token)
        if headers.token
        else side.find_asymmetric(headers.partner_id)
    )
    exchange.partner = partner
    _check_skew(partner.profile, headers.at)
    exchange.verdict = _verify(partner, exchange, headers)
    if not exchange.verdict.is_accepted:
        raise Refused(Case.UNAUTHORIZED, "Signature")
    return partner


def _tell_status(side: BankSide, exchange: _Exchange) -> Answer:
    partner = _identify(side, exchange)
    asked = PaymentStatusRequest.read(parse_object(exchange.body))
    flag = side.flags.find(
        partner.entry.partner_id,
        asked.payment_request_id or asked.inquiry_request_id,
        number=asked.virtual_account_no.strip(),
    )
    if flag is None:
        raise Refused(Case.TRANSACTION_NOT_FOUND)
    code = format_response_code(exchange.service, Case.SUCCESSFUL)
    answer = PaymentStatusAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        virtual_account_data=PaymentStatusData(
            payment_flag_status=flag.status,
            partner_service_id=asked.partner_service_id,
            customer_no=asked.customer_no,
            virtual_account_no=asked.virtual_account_no,
            inquiry_request_id=flag.request.payment_request_id,
            payment_request_id=flag.request.payment_request_id,
            paid_amount=flag.request.paid_amount,
            trx_date_time=flag.request.trx_date_time,
            reference_no=flag.request.reference_no,
        ),
    )
    return Answer(200, code, answer.to_bytes())


def _inquire(side: BankSide, exchange: _Exchange) -> Answer:
    partner = _identify(side, exchange)
    asked = AccountInquiryRequest.read(parse_object(exchange.body))
    bank_code = asked.beneficiary_bank_code or partner.entry.bank_code
    holder = side.accounts.holder(asked.beneficiary_account_no, bank_code=bank_code)
    if holder is None:
        raise Refused(Case.INVALID_ACCOUNT)
    code = format_response_code(exchange.service, Case.SUCCESSFUL)
    answer = AccountInquiryAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        partner_reference_no=asked.partner_reference_no,
        beneficiary_account_name=holder,
        beneficiary_account_no=asked.beneficiary_account_no,
        beneficiary_bank_code=asked.beneficiary_bank_code,
    )
    return Answer(200, code, answer.to_bytes())


def _verify(partner: Partner, exchange: _Exchange, headers: TransactionHeaders) -> Verdict:
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


def _check_skew(profile: Profile, at: datetime) -> None:
    if not is_within_skew(at, now=clock.real_now(), skew_s=profile.skew_s):
        raise Refused(Case.UNAUTHORIZED, "Timestamp")
