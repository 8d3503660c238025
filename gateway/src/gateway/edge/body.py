"""The body of a request, read whole before the request is handled.

perisai_kit/http/protocol.py limits the time of a body. This module limits its size, and the size of
all bodies that a process holds.
"""

from types import TracebackType

from starlette.types import Message, Receive, Scope

from gateway.edge.headers import RequestUnreadable
from perisai_kit.domain.errors import TooLarge, Unavailable
from perisai_kit.http.body import EncodingUnsupported

RETRY_S = 5
OF_BODIES = frozenset({b"transfer-encoding", b"content-length", b"content-encoding"})


class BodiesFull(Unavailable):
    code = "too_many_uploads"
    text = "The gateway is receiving too many requests. Try again in a moment."
    text_id = "Terlalu banyak permintaan yang sedang diterima. Coba sebentar lagi."


class ClientDisconnected(Exception):
    """The client closed its connection."""


class BodyBudget:
    """The bytes of bodies that this process holds at one time, in total and for one network."""

    def __init__(self, limit: int, *, share: int | None = None) -> None:
        """share: the limit of one network; the total when left out."""
        self.limit = limit
        self.share = limit if share is None else share
        self.held = 0
        self._held_by: dict[str, int] = {}

    def reserve(self, network: str = "") -> "BodyReservation":
        """Return the reservation of one request: `with budget.reserve() as reservation`."""
        return BodyReservation(self, network)

    def take(self, network: str, size: int) -> None:
        """Hold more bytes. Raises: BodiesFull."""
        held = self._held_by.get(network, 0) + size
        if held > self.share or self.held + size > self.limit:
            raise BodiesFull(retry_after_s=RETRY_S)
        self.held += size
        self._held_by[network] = held

    def release(self, network: str, size: int) -> None:
        """Release bytes."""
        self.held -= size
        self._held_by[network] -= size
        if not self._held_by[network]:
            del self._held_by[network]


class BodyReservation:
    """Bytes that are released at the end of the block."""

    __slots__ = ("_budget", "_network", "_size")

    def __init__(self, budget: BodyBudget, network: str) -> None:
        self._budget = budget
        self._network = network
        self._size = 0

    def __enter__(self) -> "BodyReservation":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._size:
            self._budget.release(self._network, self._size)
            self._size = 0

    def add(self, size: int) -> None:
        """Hold more bytes. Raises: BodiesFull."""
        if size:
            self._budget.take(self._network, size)
            self._size += size


def read_content_length(scope: Scope) -> int | None:
    """Return the length of the body from the headers, or None for a chunked body.

    Raises: RequestUnreadable, EncodingUnsupported.
    """
    length: int | None = 0
    for name, value in scope["headers"]:
        if name not in OF_BODIES:
            continue
        if name == b"transfer-encoding":
            if value.strip().lower() != b"chunked":
                raise RequestUnreadable
            length = None
        elif name == b"content-length" and length is not None:
            if not value.isdigit():
                raise RequestUnreadable
            length = int(value)
        elif name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise EncodingUnsupported
    return length


async def read_body(
    receive: Receive, *, length: int | None, limit: int, reservation: BodyReservation
) -> bytes:
    """Return the whole body. length: from the headers, or None. limit: bytes.

    Raises: TooLarge, BodiesFull, ClientDisconnected.
    """
    if length == 0:
        return b""
    if length is not None and length > limit:
        raise TooLarge
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise TooLarge
        reservation.add(len(part))
        parts.append(part)
    if length is not None and size != length:
        raise ClientDisconnected  # the server would refuse it too
    return parts[0] if len(parts) == 1 else b"".join(parts)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
