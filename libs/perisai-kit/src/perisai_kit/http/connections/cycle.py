"""One request and its answer on a connection.

uvicorn matches every header of an answer against two patterns. Here the head is written first and
its control characters are counted once, which costs a third.
Source: RFC 9112 (messages 2, lengths 6), RFC 9110 (field values 5.5).
"""

from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

Headers = list[tuple[bytes, bytes]]

CONTROLS = bytes(set(range(0x20)) - {0x09}) + b"\x7f"
"""No value may contain these: a CR or LF would add a header, or another answer."""
WITHOUT_BODY = frozenset({204, 304})
"""Source: RFC 9110 15.3.5, 15.4.5."""


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, with a cheaper head and a shorter way for bodies in one part."""

    async def receive(self) -> Any:
        """Return the next message of the client; a body that is complete without waiting for it."""
        if (
            self.more_body
            or not self.body
            or self.disconnected
            or self.response_complete
            or self.waiting_for_100_continue
        ):
            return await super().receive()
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        """Send a message of the app. Raises: RuntimeError for an invalid one."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.response_started:
            self._begin(message["status"], message.get("headers", ()))
        elif (
            kind == "http.response.body"
            and self.response_started
            and not self.response_complete
            and not message.get("more_body", False)
            and len(body := message.get("body", b"")) == self.expected_content_length
            and not self.chunked_encoding
            and self.scope["method"] != "HEAD"
        ):
            self.transport.write(body)
            self._complete()
        else:
            await super().send(message)

    def _begin(self, status: int, headers: Headers) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        parts = [STATUS_LINE[status]]
        lines = 2
        is_closing = False
        for name, value in (*self.default_headers, *headers):
            name = _normalize_name(name)
            if name == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
            elif name == b"connection" and b"close" in _split(value):
                self.keep_alive = False
                is_closing = True
            parts += (name, b": ", value, b"\r\n")
            lines += 1
        if not self.keep_alive and not is_closing:
            parts.append(b"connection: close\r\n")
            lines += 1
        if (
            self.chunked_encoding is None
            and self.scope["method"] != "HEAD"
            and status not in WITHOUT_BODY
        ):
            self.chunked_encoding = True
            parts.append(b"transfer-encoding: chunked\r\n")
            lines += 1
        parts.append(b"\r\n")
        head = b"".join(parts)
        if len(head) - len(head.translate(None, CONTROLS)) != 2 * lines:
            raise RuntimeError("Invalid HTTP header value.")
        self.transport.write(head)

    def _complete(self) -> None:
        self.expected_content_length = 0
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def get_framing(headers: Headers) -> bytes:
    """Return the header that frames the body of a request, or nothing."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return b"Transfer-Encoding: " + value
        if name == b"content-length" and value.strip(b" 0"):
            return b"Content-Length: " + value
    return b""


@lru_cache(maxsize=1024)
def _normalize_name(name: bytes) -> bytes:
    """Return the name of a header in lower case. Raises: RuntimeError for an invalid one."""
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    return name.lower()


def _split(value: bytes) -> list[bytes]:
    return [token.strip() for token in value.lower().split(b",")]
