"""However the bytes of an answer are cut into pieces, it is the same answer."""

import asyncio
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.connection import (
    HELD_BYTES,
    Address,
    ConnectionBroken,
    UpstreamConnection,
    UpstreamError,
)

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")
on_its_loop = pytest.mark.asyncio(loop_scope="module")

NEVER = float("inf")
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"content-length: 2\r\n\r\nok"
SAID = (
    OK,
    HEAD + b"etag: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK,
    b"HTTP/1.1 204 No Content\r\netag: a\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    HEAD + b"\r\nto its end",
    OK + OK,
    OK + b"garbage",
    HEAD + b"content-length: 10\r\n\r\nhalf",
    HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"nonsense",
)


class Wire:
    """A transport that keeps what is done to it."""

    def __init__(self) -> None:
        self.closing = self.paused = False
        self.written = b""
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent


def opened(read_timeout_s: float = 5) -> tuple[UpstreamConnection, Wire]:
    connection, wire = (
        UpstreamConnection(Address("http://upstream"), read_timeout_s=read_timeout_s),
        Wire(),
    )
    connection.connection_made(cast("asyncio.BaseTransport", wire))
    return connection, wire


async def outcome(pieces: list[bytes], *, is_head: bool) -> tuple[Any, ...]:
    """Return all that the client can see."""
    connection, wire = opened()
    connection.send(b"a request", deadline=NEVER, is_head=is_head)
    for piece in pieces:
        if not wire.closing:
            connection.data_received(piece)
    if not wire.closing:
        connection.eof_received()
    connection.connection_lost(None)
    body = b""
    try:
        await connection.read_head()
        while part := await connection.read_body():
            body += part
    except UpstreamError as error:
        return type(error), body
    return connection.status, connection.headers, body


@given(st.sampled_from(SAID), st.sets(st.integers(1, 120), max_size=30), st.booleans())
def test_an_answer_is_the_same_in_any_pieces(said: bytes, cuts: set[int], is_head: bool) -> None:
    ends = [0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]
    pieces = [said[start:end] for start, end in pairwise(ends)]

    in_pieces = asyncio.run(outcome(pieces, is_head=is_head))

    assert in_pieces == asyncio.run(outcome([said], is_head=is_head))


@on_its_loop
async def test_an_upstream_is_not_read_faster_than_its_answer_is_taken() -> None:
    connection, wire = opened()
    connection.send(b"a request", deadline=NEVER)
    connection.data_received(HEAD + b"content-length: %d\r\n\r\n" % (2 * HELD_BYTES))
    connection.data_received(bytes(HELD_BYTES))
    before = wire.paused
    connection.data_received(bytes(1))
    held = wire.paused
    await connection.read_body()

    assert (before, held, wire.paused) == (False, True, False)


@on_its_loop
@pytest.mark.parametrize("said", [OK, b"\r\n"])
async def test_what_is_said_before_anything_was_asked_ends_a_connection(said: bytes) -> None:
    connection, wire = opened()
    connection.data_received(said)

    assert wire.closing
    assert not connection.is_open


@on_its_loop
async def test_a_connection_does_not_rest_while_a_request_is_on_its_way() -> None:
    connection, wire = opened()
    connection.send(b"a request", deadline=NEVER)
    wire.unsent = 1
    connection.data_received(OK)
    await connection.read_body()

    assert not connection.try_keep()
    assert wire.closing


@on_its_loop
async def test_a_connection_that_ended_before_it_was_asked_says_so_at_once() -> None:
    connection, wire = opened()
    connection.connection_lost(None)
    connection.send(b"a request", deadline=NEVER)

    with pytest.raises(ConnectionBroken):
        await connection.read_head()

    assert wire.written == b""
