"""What a head must have, and how many bytes, to within the part that the parser is fed at once."""

import pytest
from perisai_kit_tests.http.test_protocol import Echo, parts_of

from perisai_kit.http.connections.watch import ConnectionLimits
from perisai_kit.http.protocol import FEED_BYTES, ServerProtocol
from perisai_kit.testing.server import open_connection, serve

LIMIT = ConnectionLimits().head_bytes
COMPLETE = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKED = b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"


def make_head(size: int) -> bytes:
    """Return a whole head of this many bytes, in lines of about 1,000."""
    head = b"GET /echo HTTP/1.1\r\nHost: a\r\n"
    while size - len(head) > 1100:
        head += b"x-filling: " + b"y" * 987 + b"\r\n"
    return head + b"x: " + b"y" * (size - len(head) - 7) + b"\r\n\r\n"


async def get_status(sent: bytes) -> int:
    async with serve(Echo(), protocol=ServerProtocol) as port, open_connection(port) as client:
        await client.send(sent)
        return parts_of(await client.answer())[0]


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + FEED_BYTES + 1, 431)])
async def test_a_head_is_limited_from_its_first_byte(size: int, status: int) -> None:
    assert await get_status(make_head(size)) == status


@pytest.mark.parametrize("before", [COMPLETE, CHUNKED])
@pytest.mark.parametrize(("size", "answered"), [(LIMIT, 3), (LIMIT + 2 * FEED_BYTES, 1)])
async def test_a_head_behind_another_request_is_limited_as_well(
    before: bytes, size: int, answered: int
) -> None:
    async with serve(Echo(), protocol=ServerProtocol) as port, open_connection(port) as client:
        await client.send(before + make_head(size) + LAST)
        answers = await client.rest()

    assert answers.count(b"HTTP/1.1 200 OK") == answered


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n",
    ],
)
async def test_a_head_of_another_version_or_without_one_host_is_refused(head: bytes) -> None:
    assert await get_status(head) == 400
