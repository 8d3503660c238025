"""Call a bank: token (73), account inquiries (15, 16), payment status (26).

Every exception of the HTTP client means that the outcome is unknown: some httpx adapters report a
connection that was dropped after sending as a connect error.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import httpx

from snap_bi.answers import TOKEN_LIFE_S
from snap_bi.codes import ResponseCode, Service
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.inquiries import (
    AccountInquiry,
    PaymentInquiry,
    read_account_inquiry,
    read_payment_inquiry,
)
from snap_bi.messages import AccountInquiryRequest, PaymentStatusRequest, TokenAnswer, TokenRequest
from snap_bi.outcomes import CallResult, Outcome, classify
from snap_bi.outgoing import Sender, SignedRequest, sign_token_request, sign_transaction
from snap_bi.profiles import Profile
from snap_bi.strict_json import parse_object
from snap_bi.transfer_rules import InterbankRoute
from snap_bi.virtual_account import VirtualAccount

# A token is renewed this long before it expires, so that a slow call does not arrive too late.
_RENEWAL_MARGIN_S = 60
_MAX_ANSWER_BYTES = 256 * 1024
_INVALID_TOKEN = (401, "01")


@dataclass(frozen=True, slots=True)
class _Reply:
    http_status: int
    body: dict[str, object] | None

    @property
    def code(self) -> ResponseCode | None:
        return ResponseCode.parse(self.body.get("responseCode")) if self.body else None

    @property
    def message(self) -> str:
        text = self.body.get("responseMessage") if self.body else None
        return text[:150] if isinstance(text, str) else ""


class BankClient:
    """Client of one bank partner. It caches the token and keeps connections open.

    Close it, or use `async with`. `now` returns the real time, timezone-aware.
    `sender.private_key` signs token requests.
    """

    def __init__(
        self,
        profile: Profile,
        sender: Sender,
        *,
        base_url: str,
        now: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """Make a client.

        timeout_s: for a whole inquiry, including its token request and its second attempt.
        """
        self.profile = profile
        self.sender = sender
        self._base_url = base_url.rstrip("/")
        self._now = now
        self._timeout_s = timeout_s
        # trust_env=False: a proxy variable of the environment must not redirect calls to a bank.
        # Redirects are not followed: their target was never registered and checked.
        self._http = httpx.AsyncClient(
            transport=transport,
            timeout=timeout_s,
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )
        self._token: str | None = None
        self._token_until: datetime | None = None
        self._token_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def inquire_account(
        self, *, account_no: str, bank_code: str | None = None
    ) -> AccountInquiry:
        """Ask for the holder of an account: service 15 without a bank code, 16 with one.

        A bank that lets us choose the network is asked by the switch: BI-FAST needs an account of
        ours and an amount. Source: docs/snap.md 4.2.
        """
        service, path = (
            (Service.ACCOUNT_INQUIRY_INTERNAL, self.profile.account_inquiry_internal_path)
            if bank_code is None
            else (Service.ACCOUNT_INQUIRY_EXTERNAL, self.profile.account_inquiry_external_path)
        )
        switch = self.profile.transfers.route_number(InterbankRoute.SWITCH)
        has_route = bank_code is not None and switch is not None
        body = AccountInquiryRequest(
            beneficiary_account_no=account_no,
            beneficiary_bank_code=bank_code,
            additional_info={"inquiryService": switch} if has_route else None,
        ).to_bytes()
        return read_account_inquiry(await self.inquire(service, path, body))

    async def inquire_payment(
        self, account: VirtualAccount, *, payment_request_id: str
    ) -> PaymentInquiry:
        """Ask for the status of a payment into one of our virtual accounts (service 26)."""
        body = PaymentStatusRequest(
            partner_service_id=account.partner_service_id,
            customer_no=account.customer_no,
            virtual_account_no=account.padded,
            inquiry_request_id=payment_request_id,
            payment_request_id=payment_request_id,
        ).to_bytes()
        path = self.profile.payment_status_path
        result = await self.inquire(Service.PAYMENT_STATUS, path, body)
        return read_payment_inquiry(result, account, payment_request_id)

    async def inquire(
        self,
        service: Service,
        path: str,
        body: bytes,
        *,
        sender: Sender | None = None,
        external_id_length: int | None = None,
        max_answer_bytes: int | None = None,
    ) -> CallResult:
        """Make a call that moves no money; a refused token is renewed once.

        sender: X-PARTNER-ID and CHANNEL-ID where they differ from those of this client.
        """
        external_id = self.new_external_id(external_id_length)
        try:
            async with asyncio.timeout(self._timeout_s):
                for _ in range(2):
                    result = await self.call(
                        service,
                        path,
                        body,
                        external_id=external_id,
                        sender=sender,
                        max_answer_bytes=max_answer_bytes,
                    )
                    # Safe to repeat: the call was refused, and an inquiry moves no money.
                    if not _is_invalid_token(result.code):
                        break
                    external_id = self.new_external_id(external_id_length)
        except TimeoutError:
            return CallResult(outcome=Outcome.UNKNOWN, external_id=external_id)
        return result

    async def call(
        self,
        service: Service,
        path: str,
        body: bytes,
        *,
        external_id: str,
        at: datetime | None = None,
        sender: Sender | None = None,
        max_answer_bytes: int | None = None,
    ) -> CallResult:
        """Sign these bytes and send them once.

        Store `external_id` and `at` before a call that moves money: a status inquiry needs them.
        at: X-TIMESTAMP; now when left out. sender: as in `inquire`.
        """
        signed: SignedRequest | None = None
        try:
            # The timeout of httpx bounds each read. Only this one bounds a call that trickles.
            async with asyncio.timeout(self._timeout_s):
                token, refused = await self._current_token()
                if refused is not None:
                    return _build_result(service, refused, external_id=external_id, was_sent=False)
                request = self._http.build_request("POST", self._base_url + path, content=body)
                signed = self._sign(
                    request,
                    token,
                    sender=sender or self.sender,
                    body=body,
                    external_id=external_id,
                    at=at or self._now(),
                )
                reply = await self._send(request, max_answer_bytes or _MAX_ANSWER_BYTES)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError):
            # Also connect errors: some transports report a connection dropped after sending so.
            return CallResult(
                outcome=Outcome.UNKNOWN,
                external_id=external_id,
                timestamp=signed.timestamp if signed else "",
                string_to_sign=signed.string_to_sign if signed else "",
            )
        if _is_invalid_token(reply.code):
            self._token = None
        return _build_result(
            service,
            reply,
            external_id=external_id,
            timestamp=signed.timestamp,
            string_to_sign=signed.string_to_sign,
        )

    def _sign(
        self,
        request: httpx.Request,
        token: str | None,
        *,
        sender: Sender,
        body: bytes,
        external_id: str,
        at: datetime,
    ) -> SignedRequest:
        signed = sign_transaction(
            self.profile,
            sender,
            target=request.url.raw_path.decode("ascii"),
            body=body,
            at=at,
            external_id=external_id,
            token=token,
        )
        request.headers.update(signed.headers)
        return signed

    async def has_token(self) -> bool:
        """Return whether the bank issues us a token; True where none is needed."""
        try:
            async with asyncio.timeout(self._timeout_s):
                _, refused = await self._current_token()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError):
            return False
        return refused is None

    def new_external_id(self, length: int | None = None) -> str:
        """Return a random X-EXTERNAL-ID. length: as this bank accepts it when left out."""
        length = length or self.profile.external_id_length
        return str(secrets.randbelow(10**length)).rjust(length, "0")

    async def _current_token(self) -> tuple[str | None, _Reply | None]:
        if not self.profile.needs_token:
            return None, None
        async with self._token_lock:
            if self._token and self._token_until and self._now() < self._token_until:
                return self._token, None
            return await self._request_token()

    async def _request_token(self) -> tuple[str | None, _Reply | None]:
        if self.sender.private_key is None:
            raise ValueError("a token request needs a private key")
        asked_at = self._now()
        signed = sign_token_request(
            client_id=self.sender.client_id,
            private_key=self.sender.private_key,
            profile=self.profile,
            at=asked_at,
        )
        request = self._http.build_request(
            "POST",
            self._base_url + self.profile.token_path,
            content=TokenRequest(grant_type="client_credentials").to_bytes(),
            headers=signed.headers,
        )
        reply = await self._send(request, _MAX_ANSWER_BYTES)
        answer = _read_token_answer(reply)
        if answer is None:
            return None, reply
        life_s = min(int(answer.expires_in), TOKEN_LIFE_S) - _RENEWAL_MARGIN_S
        self._token = answer.access_token
        self._token_until = asked_at + timedelta(seconds=life_s)
        return self._token, None

    async def _send(self, request: httpx.Request, max_bytes: int) -> _Reply:
        try:
            status, body = await self._receive(request, max_bytes)
        except Exception as error:
            raise httpx.ReadError("The connection was lost.", request=request) from error
        try:
            return _Reply(status, parse_object(body))
        except BodyInvalid:
            return _Reply(status, None)

    async def _receive(self, request: httpx.Request, max_bytes: int) -> tuple[int, bytes]:
        """Return the HTTP status and the body, or no body when it is too large or compressed."""
        response = await self._http.send(request, stream=True)
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                return response.status_code, b""  # could decompress to gigabytes
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > max_bytes:
                    return response.status_code, b""
        finally:
            await response.aclose()
        return response.status_code, bytes(content)


def _is_invalid_token(code: ResponseCode | None) -> bool:
    return code is not None and (code.http_status, code.case_code) == _INVALID_TOKEN


def _read_token_answer(reply: _Reply) -> TokenAnswer | None:
    if reply.http_status != 200 or reply.body is None:
        return None
    try:
        return TokenAnswer.read(reply.body)
    except FieldProblem:
        return None


def _build_result(
    service: Service,
    reply: _Reply,
    *,
    external_id: str,
    timestamp: str = "",
    string_to_sign: str = "",
    was_sent: bool = True,
) -> CallResult:
    outcome = classify(service, reply.http_status, reply.code)
    return CallResult(
        # Without a token the transaction was never sent.
        outcome=outcome if was_sent else Outcome.NOT_EXECUTED,
        external_id=external_id,
        timestamp=timestamp,
        string_to_sign=string_to_sign,
        http_status=reply.http_status,
        code=reply.code,
        message=reply.message,
        body=reply.body,
        was_sent=was_sent,
    )
