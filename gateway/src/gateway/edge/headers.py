"""Headers: those that go to an upstream, those that come back, and those of every answer.

Headers stay bytes. Hop-by-hop headers are dropped, and so are headers in which a client claims an
identity.
"""

import re
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import NamedTuple

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
NOT_HEADERS = frozenset({b"", b"close", b"keep-alive"})
"""Values of Connection that name no header that could be kept."""
NONE: frozenset[bytes] = frozenset()
DROPPED_ANSWERS = HOP_BY_HOP | {b"date", b"server", b"x-request-id"}
"""uvicorn sets Date and Server; the gateway sets the request id."""
NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")
"""Source: RFC 9112 3.2. Other characters that uvicorn accepts pass unchanged."""
LINE_ENDS = b"\r\n\0"
OWN_LINES = 4
"""Lines that end a head, besides that of its last own field: three fields and the empty line."""
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that have no Content-Length without a body. Source: RFC 9110 8.6."""
OF_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"strict-transport-security", b"max-age=31536000"),
)
VARIES_BY_ORIGIN = (b"vary", b"Origin")
"""Of answers that a cache may keep: for a page of another origin they have further headers."""
OF_EVERY_PRIVATE_ANSWER = (*OF_EVERY_ANSWER, (b"cache-control", b"no-store"))
"""The default is no-store, because nearly all answers hold personal data or secrets."""


class RequestUnreadable(BadRequest):
    code = "request_unreadable"
    text = "The address or a header contains invalid characters."
    text_id = "Alamat atau header berisi karakter yang tidak valid."


class Client(NamedTuple):
    """The client of a request, as an upstream sees it."""

    address: str
    scheme: str
    request_id: str


def read_client(scope: Scope, trusted: Sequence[Network], request_id: str) -> Client:
    """Return the client of a request, as trusted proxies report it."""
    address = get_client_address(scope, trusted)
    return Client(address, get_client_scheme(scope, trusted), request_id)


class RequestHead(NamedTuple):
    """The head of a request, for any address of an upstream.

    target: unchanged. lines: the headers and the empty line.
    """

    method: str
    target: bytes
    lines: bytes

    def to(self, address: Address) -> bytes:
        """Return the whole head for one address."""
        return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b" % (
            self.method.encode(),
            address.path,
            self.target,
            address.authority,
            self.lines,
        )


def build_request_head(scope: Scope, client: Client, framing: bytes) -> RequestHead:
    """Return the head of a request to an upstream.

    framing: the line of Content-Length, or nothing. Raises: RequestUnreadable.
    """
    host = connection = b""
    lines = []
    for name, value in scope["headers"]:
        if not _is_dropped(name):
            lines.append(name + b": " + value)
        elif name == b"host":
            host = value
        elif name == b"connection":
            connection += b"," + value
    if connection:
        named = _list_names(connection)
        lines = [
            name + b": " + value
            for name, value in scope["headers"]
            if not _is_dropped(name) and name not in named
        ]
    lines.append(
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n"
        b"X-Request-Id: %b\r\n%b\r\n"
        % (
            client.address.encode(),
            client.scheme.encode(),
            host,
            client.request_id.encode(),
            framing,
        )
    )
    joined = b"\r\n".join(lines)
    # Every CR and LF must be ours, so that no client can add a line or a request.
    ends = len(lines) + OWN_LINES + (1 if framing else 0)
    if len(joined) - len(joined.translate(None, LINE_ENDS)) != 2 * ends:
        raise RequestUnreadable
    return RequestHead(scope["method"], _build_target(scope), joined)


def build_content_length(body: bytes, method: str) -> bytes:
    """Return the line of Content-Length, or nothing if the request needs none."""
    if not body and method in WITHOUT_BODY:
        return b""
    return b"Content-Length: %d\r\n" % len(body)


def filter_answer_headers(status: int, headers: Headers) -> Headers:
    """Return the upstream's headers without those of its connection."""
    connection = b""
    kept = []
    for header in headers:
        if header[0] not in DROPPED_ANSWERS:
            kept.append(header)
        elif header[0] == b"connection":
            connection += b"," + header[1]
    dropped = _list_names(connection) if connection else NONE
    if status in BODILESS:  # uvicorn would wait for a body of this length
        dropped |= {b"content-length"}
    return [header for header in kept if header[0] not in dropped] if dropped else kept


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


@lru_cache(maxsize=1024)
def _list_names(connection: bytes) -> frozenset[bytes]:
    """Return the headers that a Connection header names, which belong to its connection only."""
    return frozenset(token.strip().lower() for token in connection.split(b",")) - NOT_HEADERS


class AnswerHeaders:
    """Adds headers for browsers and caches to every answer. Source: RFC 6797, RFC 9111 5.2."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                _add_headers(message["headers"])  # a list that only this answer uses
            return send(message)

        return self.app(scope, receive, send_with_headers)


def _add_headers(headers: Headers) -> None:
    for name, _ in headers:
        if name == b"cache-control":
            headers += OF_EVERY_ANSWER
            if not any(name == b"vary" and b"Origin" in value for name, value in headers):
                headers.append(VARIES_BY_ORIGIN)
            return
    headers += OF_EVERY_PRIVATE_ANSWER
