"""The bank's requests to the platform: token, inquiry, payment flag."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.runtime.network import Network
from sandbox.fakebank.config import Partner
from sandbox.fakebank.flags import Flags
from sandbox.fakebank.journal import Call, Journal
from snap_bi.codes import ResponseCode, Service
from snap_bi.errors import BodyInvalid
from snap_bi.messages import PaymentRequest
from snap_bi.outgoing import SignedRequest, sign_token_request, sign_transaction
from snap_bi.readings import BankReading, read_payment_answer
from snap_bi.strict_json import parse_object

TIMEOUT_S = 10.0
# Slightly below the 900 s of the standard.
_TOKEN_KEPT = timedelta(seconds=840)
_INVALID_TOKEN = (401, "01")
_PATHS = {Service.INQUIRY: "/transfer-va/inquiry", Service.PAYMENT: "/transfer-va/payment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A simulated failure of a request."""

    corrupt_signature: bool = False
    drop_answer: bool = False
    delay_s: float = 0.0


NONE = Trouble()


class BankClient:
    """Signs and sends requests, with one token per partner. Every request is in the journal."""

    def __init__(
        self, journal: Journal, flags: Flags, *, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._journal = journal
        self._flags = flags
        self._http = httpx.AsyncClient(transport=transport or Network(), timeout=TIMEOUT_S)
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._lock = asyncio.Lock()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        partner: Partner,
        service: Service,
        message: dict[str, object],
        *,
        external_id: str,
        trouble: Trouble = NONE,
    ) -> Call:
        """Send one transaction; a refused token is renewed once."""
        for _ in range(2):
            call = await self._once(
                partner, service, message, external_id=external_id, trouble=trouble
            )
            code = ResponseCode.parse(call.response_code)
            if code is None or (code.http_status, code.case_code) != _INVALID_TOKEN:
                break
            self._tokens.pop(partner.entry.partner_id, None)
        return call

    async def _once(
        self,
        partner: Partner,
        service: Service,
        message: dict[str, object],
        *,
        external_id: str,
        trouble: Trouble,
    ) -> Call:
        token = await self._token(partner) if partner.profile.needs_token else None
        if isinstance(token, Call):
            return token
        body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
        request = self._http.build_request("POST", _url(partner, _PATHS[service]), content=body)
        signed = sign_transaction(
            partner.profile,
            partner.sender,
            target=request.url.raw_path.decode("ascii"),
            body=body,
            at=clock.real_now(),
            external_id=external_id,
            token=token,
        )
        request.headers.update(signed.headers)
        if trouble.corrupt_signature:
            request.headers["X-SIGNATURE"] = _corrupted(signed.headers["X-SIGNATURE"])
        await asyncio.sleep(trouble.delay_s)
        call = _call(partner, service, signed, external_id)
        await self._send(call, partner, request, trouble)
        if call.reading is not None:
            flag = PaymentRequest.read(message)
            self._flags.record(partner.entry.partner_id, flag, BankReading(call.reading))
        return self._journal.add(call)

    async def _send(
        self, call: Call, partner: Partner, request: httpx.Request, trouble: Trouble
    ) -> None:
        answered = b""
        try:
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            call.error = type(error).__name__
        else:
            if trouble.drop_answer:
                call.note = "the answer was lost on its way to the bank"
            else:
                answered = response.content
                _record_answer(call, response)
        if call.service == Service.PAYMENT:
            call.reading = read_payment_answer(partner.profile, answered)

    async def _token(self, partner: Partner) -> str | Call:
        """Return the token, or the call that failed to get one."""
        async with self._lock:
            now = clock.real_now()
            kept = self._tokens.get(partner.entry.partner_id)
            if kept is not None and now < kept[1]:
                return kept[0]
            signed = sign_token_request(
                client_id=partner.entry.client_id,
                private_key=partner.private_key,
                profile=partner.profile,
                at=now,
            )
            call = _call(partner, Service.ACCESS_TOKEN, signed, None)
            token = await self._ask_token(partner, call, signed)
            self._journal.add(call)
            if token is None:
                return call
            self._tokens[partner.entry.partner_id] = (token, now + _TOKEN_KEPT)
            return token

    async def _ask_token(self, partner: Partner, call: Call, signed: SignedRequest) -> str | None:
        url = _url(partner, "/access-token/b2b")
        try:
            response = await self._http.post(
                url, content=b'{"grantType":"client_credentials"}', headers=signed.headers
            )
        except httpx.HTTPError as error:
            call.error = type(error).__name__
            return None
        _record_answer(call, response)
        body = call.body if isinstance(call.body, dict) else {}
        token = body.get("accessToken")
        if response.status_code != 200 or not isinstance(token, str):
            return None
        call.body = {**body, "accessToken": "<token>"}
        return token


def new_request_id(at: datetime) -> str:
    """Return a request id in BCA's format: yyyyMMddHHmmss and sixteen digits."""
    return f"{at.astimezone(JAKARTA):%Y%m%d%H%M%S}{secrets.randbelow(10**16):016d}"


def _url(partner: Partner, path: str) -> httpx.URL:
    base = partner.entry.gateway_base_url.rstrip("/")
    return httpx.URL(f"{base}{partner.profile.public_prefix}{path}")


def _corrupted(signature: str) -> str:
    # Another first character of the same alphabet: well formed, but wrong.
    return ("1" if signature[0] != "1" else "2") + signature[1:]


def _call(
    partner: Partner, service: Service, signed: SignedRequest, external_id: str | None
) -> Call:
    return Call(
        at=clock.real_now().isoformat(),
        direction="out",
        partner_id=partner.entry.partner_id,
        service=service,
        external_id=external_id,
        string_to_sign=signed.string_to_sign,
    )


def _record_answer(call: Call, response: httpx.Response) -> None:
    call.http_status = response.status_code
    try:
        body = parse_object(response.content)
    except BodyInvalid:
        call.body = response.text[:500]
        return
    call.body = body
    code = body.get("responseCode")
    call.response_code = code if isinstance(code, str) else None
