"""The edge for banks: no token, no rate limit, unchanged bytes.

A bank moves money by our answer: a 4xx may make it reverse a payment. So failures of ours are
answered with 504 and no body, which every bank reads as "unknown". Only an unknown address and a
body that is too large or compressed are refused with a code.
Source: docs/snap.md, how the bank reads our answer.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.edge.body import (
    BodiesFull,
    BodyBudget,
    ClientDisconnected,
    read_body,
    read_content_length,
)
from gateway.edge.connection import UpstreamConnection, UpstreamError
from gateway.edge.headers import Client, RequestUnreadable, filter_answer_headers, read_client
from gateway.edge.pool import UpstreamPool
from gateway.edge.relay import make_pool_limits, send_request
from gateway.edge.routes import SNAP_BODY_LIMIT, SNAP_ENDINGS, get_snap_service, list_snap_roots
from gateway.settings import Settings
from perisai_kit.domain.clock import real_now
from perisai_kit.domain.errors import TooLarge
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.http.access_log import get_record
from perisai_kit.http.body import EncodingUnsupported
from perisai_kit.http.client_address import get_network
from perisai_kit.runtime.log import get_logger

MOST_ANSWER = 1024 * 1024
UNKNOWN = "snap-unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a bank is refused for. The reason is one sentence, in English and in Indonesian.

    headers: what the answer says besides.
    """

    status: int
    case: str
    message: str
    english: str
    indonesian: str
    headers: Mapping[str, str] = field(default_factory=dict)


NOT_FOUND = Refusal(404, "01", "Transaction Not Found", "Unknown address", "Alamat tidak dikenal")
TOO_LARGE = Refusal(
    413, "00", "Request Entity Too Large", "The request is too large", "Permintaan terlalu besar"
)
COMPRESSED = Refusal(
    415,
    "00",
    "Unsupported Media Type",
    "The request is compressed",
    "Permintaan tidak boleh dikompresi",
    {"Accept-Encoding": "identity"},
)
"""The standard has no code for 413 and 415; these follow its form."""
FIELDS = {"24": "inquiry", "25": "paymentFlag"}
"""How the fields of status and reason begin, by service. Source: docs/snap.md 3.3, 3.4."""
REQUEST_IDS = {"24": "inquiryRequestId", "25": "paymentRequestId"}
REJECTED = "01"

OWN_FAILURES = (RequestUnreadable, BodiesFull)
"""Failures without a code that a bank could read."""

log = get_logger()


class SnapEdge:
    """Handles every path under the banks' prefixes; other paths go to the next layer.

    Banks have their own connections and memory, so that a payment passes when other requests wait.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, pool: UpstreamPool) -> None:
        """pool: to payment-service, for banks only."""
        self.app = app
        self._settings = settings
        self._roots = list_snap_roots(settings.snap_prefixes)
        self._paths = _list_paths(settings.snap_prefixes)
        self._pool = pool
        self._budget = BodyBudget(
            settings.collected_bytes_of_banks, share=settings.collected_bytes_of_bank
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"].startswith(self._roots):
            return self._serve(scope, receive, send)
        return self.app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        known = path in self._paths
        record = get_record(scope)
        record.route = path if known else UNKNOWN
        try:
            if known:
                answer = await self._answer(scope, receive, record.request_id)
            else:
                answer = build_refusal(path, NOT_FOUND)
            await answer(scope, receive, send)
        except TooLarge:
            await build_refusal(path, TOO_LARGE)(scope, receive, send)
        except EncodingUnsupported:
            await build_refusal(path, COMPRESSED)(scope, receive, send)
        except ClientDisconnected:
            pass

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        """Return the upstream's answer, whole and unchanged.

        Raises: TooLarge, EncodingUnsupported, ClientDisconnected.
        """
        timeout_s = self._settings.snap_timeout_s
        deadline = asyncio.get_running_loop().time() + timeout_s
        client = read_client(scope, self._settings.trusted_proxies, request_id)
        try:
            async with asyncio.timeout(timeout_s):
                with self._budget.reserve(get_network(client.address)) as reservation:
                    length = read_content_length(scope)
                    data = await read_body(
                        receive, length=length, limit=SNAP_BODY_LIMIT, reservation=reservation
                    )
                    return await self._forward(scope, data, client, deadline)
        except (TooLarge, EncodingUnsupported, ClientDisconnected):
            raise
        except (*OWN_FAILURES, TimeoutError, UpstreamError) as error:
            log.error("snap.unanswered", request_id=request_id, error=type(error).__name__)
        except Exception as error:
            log.error("request.failed", request_id=request_id, exc_info=error)
        return Response(status_code=504, headers=make_headers())

    async def _forward(
        self, scope: Scope, data: bytes, client: Client, deadline: float
    ) -> Response:
        connection = await send_request(self._pool, scope, client, data, deadline=deadline)
        try:
            # Read whole first, because a broken answer must not have begun.
            content = await _read_bounded(connection)
            passed = Response(content, status_code=connection.status)
            passed.raw_headers = [
                (name, value)
                for name, value in filter_answer_headers(connection.status, connection.headers)
                if name != b"content-length"
            ]
            passed.raw_headers.append((b"content-length", b"%d" % len(content)))
            return passed
        finally:
            self._pool.release(connection)


def make_bank_pool(settings: Settings) -> UpstreamPool:
    """Return the pool to payment-service that only banks use."""
    limits = make_pool_limits(settings, settings.bank_connections)
    return UpstreamPool("banks", settings.payment_url, limits)


def make_headers() -> dict[str, str]:
    """Return the header that every answer has. Source: docs/snap.md 2.1, 2.5."""
    now = real_now().astimezone(JAKARTA)
    return {"X-TIMESTAMP": now.isoformat(timespec="seconds")}


def build_refusal(path: str, why: Refusal) -> Response:
    """Return a refusal in the standard's form; its code begins with the HTTP status.

    That of 24 and 25 has a rejecting flag and no ids, because the body was not read.
    """
    service = get_snap_service(path)
    content: dict[str, object] = {
        "responseCode": f"{why.status}{service}{why.case}",
        "responseMessage": why.message,
    }
    if (name := FIELDS.get(service)) is not None:
        content["virtualAccountData"] = {
            f"{name}Status": REJECTED,
            f"{name}Reason": {"english": why.english, "indonesia": why.indonesian},
            "partnerServiceId": "",
            "customerNo": "",
            "virtualAccountNo": "",
            "virtualAccountName": "",
            REQUEST_IDS[service]: "",
        }
    headers = {**make_headers(), **why.headers}
    return JSONResponse(content, status_code=why.status, headers=headers)


async def _read_bounded(connection: UpstreamConnection) -> bytes:
    content = bytearray()
    while part := await connection.read_body():
        content += part
        if len(content) > MOST_ANSWER:
            raise UpstreamError("the answer is too long")
    return bytes(content)


def _list_paths(prefixes: Sequence[str]) -> frozenset[str]:
    return frozenset(prefix + ending for prefix in prefixes for ending in SNAP_ENDINGS)
