"""Headers: those that go to an upstream, those that come back, and those of every answer.

Headers stay bytes. Hop-by-hop headers are dropped, and so are headers in which a client claims an
identity.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.connection import BODILESS, Address, Headers
from perisai_kit.domain.errors import BadRequest
from perisai_kit.http.client_address import Network, get_client_address, get_client_scheme

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Source: RFC 9110 7.6.1."""
OWN_HEADERS = frozenset(
    {
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"true-client-ip",
        b"via",
        b"x-real-ip",
        b"x-request-id",
    }
)
"""Headers that the gateway sets, or that no client may send."""
IDENTITY_PREFIXES = (
    b"x-forwarded-",
    b"x-account-",
    b"x-agent-",
    b"x-member-",
    b"x-wadah-",
    b"x-user",
    b"x-role",
    b"x-scope",
    b"x-principal",
    b"x-auth",
    b"x-perisai-",
    b"x-original-",
)
DROPPED_ANSWERS = HOP_BY_HOP | {b"date", b"server", b"x-request-id"}
"""uvicorn sets Date and Server; the gateway sets the request id."""
NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")
"""Source: RFC 9112 3.2. Other characters that uvicorn accepts pass unchanged."""
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that have no Content-Length without a body. Source: RFC 9110 8.6."""
OF_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"strict-transport-security", b"max-age=31536000"),
)
OF_EVERY_PRIVATE_ANSWER = (*OF_EVERY_ANSWER, (b"cache-control", b"no-store"))
"""The default is no-store, because nearly all answers hold personal data or secrets."""


class RequestUnreadable(BadRequest):
    code = "request_unreadable"
    text = "The address or a header contains invalid characters."
    text_id = "Alamat atau header berisi karakter yang tidak valid."


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a request, as an upstream sees it."""

    address: str
    scheme: str
    request_id: str


def read_client(scope: Scope, trusted: Sequence[Network], request_id: str) -> Client:
    """Return the client of a request, as trusted proxies report it."""
    return Client(
        address=get_client_address(scope, trusted),
        scheme=get_client_scheme(scope, trusted),
        request_id=request_id,
    )


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request, for any address of an upstream.

    target: unchanged. lines: the headers and the empty line.
    """

    method: str
    target: bytes
    lines: bytes

    def to(self, address: Address) -> bytes:
        """Return the whole head for one address."""
        first = b"%b %b%b HTTP/1.1\r\n" % (self.method.encode(), address.path, self.target)
        return first + b"Host: " + address.authority + b"\r\n" + self.lines


def build_request_head(scope: Scope, client: Client, framing: bytes) -> RequestHead:
    """Return the head of a request to an upstream.

    framing: Content-Length, or nothing. Raises: RequestUnreadable.
    """
    headers: Headers = scope["headers"]
    named = _list_connection_headers(headers)
    lines = []
    host = b""
    for name, value in headers:
        if name == b"host":
            host = value
        if not _is_dropped(name) and name not in named:
            lines.append(name + b": " + value)
    lines += (
        b"X-Forwarded-For: " + client.address.encode(),
        b"X-Forwarded-Proto: " + client.scheme.encode(),
        b"X-Forwarded-Host: " + host,
        b"X-Request-Id: " + client.request_id.encode(),
    )
    if framing:
        lines.append(framing)
    joined = b"\r\n".join(lines) + b"\r\n\r\n"
    # Every CR and LF must be ours, so that no client can add a line or a request.
    ends = len(lines) + 1
    if joined.count(b"\r") != ends or joined.count(b"\n") != ends or b"\0" in joined:
        raise RequestUnreadable
    return RequestHead(scope["method"], _build_target(scope), joined)


def build_content_length(body: bytes, method: str) -> bytes:
    """Return the Content-Length header, or nothing if the request needs none."""
    if not body and method in WITHOUT_BODY:
        return b""
    return b"Content-Length: %d" % len(body)


def filter_answer_headers(status: int, headers: Headers) -> Headers:
    """Return the upstream's headers without those of its connection."""
    named = _list_connection_headers(headers)
    if status in BODILESS:  # uvicorn would wait for a body of this length
        named.add(b"content-length")
    return [
        header for header in headers if header[0] not in DROPPED_ANSWERS and header[0] not in named
    ]


def _build_target(scope: Scope) -> bytes:
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target = target + b"?" + scope["query_string"]
    if NOT_IN_TARGET.search(target):
        raise RequestUnreadable
    return target


@lru_cache(maxsize=1024)
def _is_dropped(name: bytes) -> bool:
    return name in HOP_BY_HOP or name in OWN_HEADERS or name.startswith(IDENTITY_PREFIXES)


def _list_connection_headers(headers: Headers) -> set[bytes]:
    named: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            named.update(token.strip().lower() for token in value.split(b","))
    return named


class AnswerHeaders:
    """Adds headers for browsers and caches to every answer. Source: RFC 6797, RFC 9111 5.2."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]  # a list that only this answer uses
                for name, _ in headers:
                    if name == b"cache-control":
                        headers += OF_EVERY_ANSWER
                        break
                else:
                    headers += OF_EVERY_PRIVATE_ANSWER
            await send(message)

        await self.app(scope, receive, send_with_headers)
