"""The banks' door: no token, no limit, every byte as it came.

What a bank does with our answer is money: a 4xx may make it reverse a payment, a code it can read
counts as our word. So our own failures are a 504 without a body, which is "unknown" to every
bank, and only an address that is not ours or a body no honest bank sends is refused with a code.
Source: docs/snap.md, how the bank reads our answer.
"""

import asyncio
from collections.abc import Sequence

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.address import client_address, client_scheme
from gateway.forward import Forwarder
from gateway.heads import Caller, RequestUnreadable, answer_headers
from gateway.request_body import ClientGone, RequestBody, stated_length
from gateway.settings import Settings
from gateway.traffic import Passage
from gateway.upstream_http import UpstreamConnection, UpstreamError
from gateway.upstreams import SNAP_BODY_LIMIT, SNAP_ENDINGS, snap_roots, snap_service
from perisai_kit.errors import TooLarge
from perisai_kit.log import get_logger

MOST_ANSWER = 1024 * 1024
UNKNOWN = "snap-unknown"
NOT_FOUND = (404, "01", "Transaction Not Found")
TOO_LARGE = (413, "00", "Request Entity Too Large")
"""HTTP status, case and message. The standard has no code for 413; ours has its form."""

log = get_logger()


class SnapDoor:
    """Everything under the banks' prefixes; other paths pass by."""

    def __init__(self, app: ASGIApp, *, settings: Settings, forwarder: Forwarder) -> None:
        self.app = app
        self._settings = settings
        self._forwarder = forwarder
        self._roots = snap_roots(settings.snap_prefixes)
        self._paths = _paths(settings.snap_prefixes)
        self._origin = forwarder.origin(settings.payment_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._roots):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        known = path in self._paths
        passage = Passage(scope, send, route=path if known else UNKNOWN)
        try:
            if known:
                answer = await self._ask(scope, receive, passage.request_id)
            else:
                answer = refusal(path, NOT_FOUND)
            await answer(scope, receive, passage.send)
        except TooLarge:
            await refusal(path, TOO_LARGE)(scope, receive, passage.send)
        except ClientGone:
            pass
        finally:
            passage.record(self._settings.service)

    async def _ask(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        """Return the upstream's answer, whole and unchanged. Raises: TooLarge, ClientGone."""
        try:
            async with asyncio.timeout(self._settings.snap_timeout_s):
                body = RequestBody(receive, limit=SNAP_BODY_LIMIT, timeout_s=None)
                data = await body.read(stated_length(scope))
                return await self._exchange(scope, data, request_id)
        except (TooLarge, ClientGone):
            raise
        except (RequestUnreadable, TimeoutError, UpstreamError) as error:
            log.error("snap.unanswered", request_id=request_id, error=type(error).__name__)
        except Exception as error:
            log.error("request.failed", request_id=request_id, exc_info=error)
        return Response(status_code=504)

    async def _exchange(self, scope: Scope, data: bytes, request_id: str) -> Response:
        trusted = self._settings.trusted_proxies
        caller = Caller(
            address=client_address(scope, trusted),
            scheme=client_scheme(scope, trusted),
            request_id=request_id,
        )
        connection = await self._forwarder.ask(scope, self._origin, caller, data or None)
        try:
            # Only then: an answer that breaks off half-way must not have begun.
            content = await _read_bounded(connection)
            passed = Response(content, status_code=connection.status)
            passed.raw_headers = [
                (name, value)
                for name, value in answer_headers(connection.status, connection.headers)
                if name != b"content-length"
            ]
            passed.raw_headers.append((b"content-length", b"%d" % len(content)))
            return passed
        finally:
            self._forwarder.give_back(self._origin, connection)


def refusal(path: str, why: tuple[int, str, str]) -> Response:
    """Return a refusal in the standard's form; its code begins with the HTTP status."""
    status, case, message = why
    code = f"{status}{snap_service(path)}{case}"
    return JSONResponse({"responseCode": code, "responseMessage": message}, status_code=status)


async def _read_bounded(connection: UpstreamConnection) -> bytes:
    content = bytearray()
    while part := await connection.read():
        content += part
        if len(content) > MOST_ANSWER:
            raise UpstreamError("longer than any answer to a bank")
    return bytes(content)


def _paths(prefixes: Sequence[str]) -> frozenset[str]:
    return frozenset(prefix + ending for prefix in prefixes for ending in SNAP_ENDINGS)
