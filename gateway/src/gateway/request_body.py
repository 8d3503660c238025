"""The body of a request as it arrives: counted, bounded, and never waited for too long."""

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

from starlette.types import Message, Receive, Scope

from gateway.heads import RequestUnreadable
from perisai_kit.errors import BadRequest, DomainError, TooLarge

COLLECTED_BYTES = 64 * 1024
"""Bodies up to this length are received whole first: a slow sender holds no upstream."""


class BodyIncomplete(BadRequest):
    code = "body_incomplete"
    text = "The request body did not arrive in time."
    text_id = "Isi permintaan tidak diterima lengkap pada waktunya."


class ClientGone(Exception):
    """The client closed its connection; nobody waits for an answer."""


class RequestBody:
    """The body as it arrives, counted. `failure` says why it ended early."""

    def __init__(self, receive: Receive, *, limit: int, timeout_s: float | None) -> None:
        """timeout_s: between two parts; None where whoever asks has a limit for the whole."""
        self._receive = receive
        self._limit = limit
        self._timeout_s = timeout_s
        self._seen = 0
        self.failure: DomainError | ClientGone | None = None

    async def open(self, length: int | None) -> bytes | AsyncIterator[bytes] | None:
        """Return the whole body where it is short, else its parts as they come.

        length: what Content-Length says; None where the body has no stated length.
        Raises: TooLarge, BodyIncomplete, ClientGone.
        """
        if length == 0:
            return None
        if length is not None and length > self._limit:
            raise TooLarge
        first, more = await self._next()
        if not more:
            return first
        if length is not None and length <= COLLECTED_BYTES:
            return b"".join([part async for part in self._parts(first)])
        return self._parts(first)

    async def read(self, length: int | None) -> bytes:
        """Return the whole body. Raises: TooLarge, BodyIncomplete, ClientGone."""
        opened = await self.open(length)
        if opened is None or isinstance(opened, bytes):
            return opened or b""
        return b"".join([part async for part in opened])

    async def on_the_wire(
        self, parts: AsyncIterator[bytes], length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the parts as they are sent on: in chunks, or just as long as was stated.

        Raises: TooLarge, BodyIncomplete, ClientGone. Source: RFC 9112 7.1.
        """
        left = length or 0
        async for part in parts:
            if not part:
                continue  # an empty chunk would be the last one
            left -= len(part)
            if length is None:
                yield b"%x\r\n%b\r\n" % (len(part), part)
            elif left >= 0:
                yield part
        if length is None:
            yield b"0\r\n\r\n"
        elif left:
            raise self._fail(BodyIncomplete())

    async def _parts(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        more = True
        while more:
            part, more = await self._next()
            if part:
                yield part

    async def _next(self) -> tuple[bytes, bool]:
        receiving = self._receive().__await__()
        try:
            waits_for = next(receiving)
        except StopIteration as arrived:  # it was here: most bodies come with their head
            message = arrived.value
        else:
            message = await self._wait_in_time(_Begun(receiving, waits_for))
        if message["type"] == "http.disconnect":
            raise self._fail(ClientGone())
        part: bytes = message.get("body", b"")
        self._seen += len(part)
        if self._seen > self._limit:
            raise self._fail(TooLarge())
        return part, message.get("more_body", False)

    async def _wait_in_time(self, begun: "_Begun") -> Message:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await begun
        except TimeoutError:
            raise self._fail(BodyIncomplete()) from None

    def _fail(self, failure: DomainError | ClientGone) -> DomainError | ClientGone:
        self.failure = failure
        return failure


class _Begun:
    """What has already taken its first step, and can be awaited for the others."""

    def __init__(self, steps: Generator[Any, Any, Message], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Message]:
        waits_for = self._waits_for
        while True:
            try:
                try:
                    sent = yield waits_for
                except BaseException as error:  # noqa: BLE001 - such as being cancelled
                    waits_for = self._steps.throw(error)
                else:
                    waits_for = self._steps.send(sent)
            except StopIteration as arrived:
                message: Message = arrived.value
                return message


def stated_length(scope: Scope) -> int | None:
    """Return the length of the body as the headers state it; None for chunks.

    Raises: RequestUnreadable.
    """
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            if not value.isdigit():
                raise RequestUnreadable
            length = int(value)
    return length
