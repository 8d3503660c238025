"""What is told on: the head of a request to its upstream, the headers of the answer back.

Headers stay the bytes they came as. What belongs to one connection ends there, and nobody outside
says who he is.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import Scope

from gateway.upstream_http import BODILESS, Headers
from gateway.upstream_pool import Origin
from perisai_kit.errors import BadRequest

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
OURS = frozenset(
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
"""What we say ourselves, or nobody may say from outside."""
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
"""Our own server sets Date and Server; the request id is ours."""
NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")
"""Source: RFC 9112 3.2; characters of no URI that our own server lets in pass as they came."""
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Where no body means no Content-Length. Source: RFC 9110 8.6."""
CHUNKED = b"Transfer-Encoding: chunked"


class RequestUnreadable(BadRequest):
    code = "request_unreadable"
    text = "The address or a header holds what cannot be passed on."
    text_id = "Alamat atau header memuat isi yang tidak dapat diteruskan."


@dataclass(frozen=True, slots=True)
class Caller:
    """What we tell an upstream about who asks."""

    address: str
    scheme: str
    request_id: str


def request_head(scope: Scope, origin: Origin, caller: Caller, framing: bytes) -> bytes:
    """Return the head of a request to an upstream, to its empty line.

    The target is passed as it came, byte for byte; framing: the header that says how long the
    body is, or nothing. Raises: RequestUnreadable.
    """
    method: str = scope["method"]
    lines = [
        b"%b %b HTTP/1.1" % (method.encode(), _target(scope, origin)),
        b"Host: " + origin.authority,
    ]
    headers: Headers = scope["headers"]
    named = _named_by_connection(headers)
    host = b""
    for name, value in headers:
        if name == b"host":
            host = value
        if not _is_dropped(name) and name not in named:
            lines.append(name + b": " + value)
    lines += (
        b"X-Forwarded-For: " + caller.address.encode(),
        b"X-Forwarded-Proto: " + caller.scheme.encode(),
        b"X-Forwarded-Host: " + host,
        b"X-Request-Id: " + caller.request_id.encode(),
    )
    if framing:
        lines.append(framing)
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    # Every CR and LF is one of ours: nobody writes a line, or a request, of his own.
    ends = len(lines) + 1
    if head.count(b"\r") != ends or head.count(b"\n") != ends or b"\0" in head:
        raise RequestUnreadable
    return head


def length_of(body: bytes | None, method: str) -> bytes:
    """Return the header that says how long a body is that is here as a whole; maybe none."""
    if body is None and method in WITHOUT_BODY:
        return b""
    return b"Content-Length: %d" % len(body or b"")


def answer_headers(status: int, headers: Headers) -> Headers:
    """Return the upstream's headers without what belongs to its own connection."""
    named = _named_by_connection(headers)
    if status in BODILESS:  # our own server would wait for the body that this length is of
        named |= {b"content-length"}
    return [
        header for header in headers if header[0] not in DROPPED_ANSWERS and header[0] not in named
    ]


def _target(scope: Scope, origin: Origin) -> bytes:
    target: bytes = origin.path + scope["raw_path"]
    if scope["query_string"]:
        target = target + b"?" + scope["query_string"]
    if NOT_IN_TARGET.search(target):
        raise RequestUnreadable
    return target


@lru_cache(maxsize=1024)
def _is_dropped(name: bytes) -> bool:
    return name in HOP_BY_HOP or name in OURS or name.startswith(IDENTITY_PREFIXES)


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    named: frozenset[bytes] = frozenset()
    for name, value in headers:
        if name == b"connection":
            named |= {token.strip().lower() for token in value.split(b",")}
    return named
