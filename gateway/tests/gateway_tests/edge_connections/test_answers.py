"""What an upstream may say, and what it may not: no answer is ever taken for another's."""

import asyncio
from typing import Any

import pytest

from gateway.edge.connection import ConnectionBroken, ReadTimeout, StaleConnection

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture"),
]

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
OK = HEAD + b"content-length: 2\r\n\r\nok"
SECRET = HEAD + b"content-length: 6\r\n\r\nsecret"
GET = b"GET /it HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (OK, 200, b"ok"),
        (HEAD + b"content-length: 0\r\n\r\n", 200, b""),
        (HEAD + b"transfer-encoding: Chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", 200, b"ok!"),
        (
            CHUNKED + b"2;a=b\r\nok\r\n0\r\nx-t: 1\r\n\r\n",
            200,
            b"ok",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\netag: a\r\n\r\n", 304, b""),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK, 200, b"ok"),
    ],
    ids=["length", "empty", "chunked", "trailers", "204", "304", "1.0-kept", "informational"],
)
async def test_a_whole_answer_leaves_its_connection_for_the_next(
    scene: Any, said: bytes, status: int, body: bytes
) -> None:
    scene.says(said)

    answer = await scene.ask()
    next_answer = await scene.ask()

    assert (answer.status, answer.body) == (status, body)
    assert {b"link", b"x-t"}.isdisjoint(name for name, _ in answer.headers)
    assert next_answer.body == b"ok"
    assert scene.connections == 1


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", b""),
        (OK + SECRET, b"ok"),
        (OK + b"HTTP/1.1 200 OK\r\ncontent-le", b"ok"),
        (OK + b"garbage", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\nsecret", b""),
    ],
    ids=[
        "close", "1.0", "304-length", "204-coding", "two-answers", "half-more", "garbage",
        "204-body",
    ],
)  # fmt: skip
async def test_an_answer_with_a_doubt_behind_it_counts_but_ends_its_connection(
    scene: Any, said: bytes, body: bytes
) -> None:
    scene.says(said)

    answer = await scene.ask()
    next_answer = await scene.ask()

    assert answer.body == body
    assert not answer.kept
    assert next_answer.body == b"ok"
    assert scene.connections == 2


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_an_answer_without_a_length_ends_with_its_connection(
    scene: Any, version: bytes
) -> None:
    scene.says(b"HTTP/%b 200 OK\r\n\r\nall " % version, b"of it", close=True)

    answer = await scene.ask()

    assert (answer.body, answer.kept) == (b"all of it", False)


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b"content-length: 100\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n",
        HEAD + b"a: b\r\n\r\n",
        SECRET,
    ],
)
async def test_head_has_no_body_whatever_its_length_says(scene: Any, said: bytes) -> None:
    scene.says(said)

    answer = await scene.ask(b"HEAD /it HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (answer.status, answer.body) == (200, b"")
    assert (await scene.ask()).body == b"ok"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        HEAD + b"content-length: 10\r\n\r\nhalf",
        CHUNKED + b"4\r\nhalf\r\n",
        CHUNKED + b"4\r\nhalf\r\n0\r\nx: y\r\n",
    ],
    ids=["at-once", "mid-head", "after-100", "mid-body", "mid-chunks", "mid-trailers"],
)
async def test_an_answer_that_ends_early_is_broken_off(scene: Any, said: bytes) -> None:
    scene.says(said, close=True)

    with pytest.raises(ConnectionBroken):
        await scene.ask()

    assert (await scene.ask()).body == b"ok"


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        HEAD + b"content-length: 2, 2\r\n\r\nok",
        HEAD + b"content-length: -2\r\n\r\nok",
        HEAD + b"transfer-encoding: gzip\r\n\r\nok",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nother",
        HEAD + b"a: b\r\n c: d\r\ncontent-length: 2\r\n\r\nok",
        HEAD + b"a: b\x00\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
        HEAD + b"a: " + b"x" * 200_000,
        CHUNKED + b"2\r\nok\r\n0\r\nx: " + b"x" * 200_000,
        b"HTTP/1.1 103 Hints\r\na: b\r\n\r\n" * 10_000,
        b"HTTP/1.1 105 Odd\r\ncontent-length: 3\r\n\r\nBAD" + OK,
        b"HTTP/1.1 150 Odd\r\ntransfer-encoding: chunked\r\n\r\n3\r\nBAD\r\n0\r\n\r\n" + OK,
    ],
    ids=[
        "nonsense", "chunk-size", "chunk-longer", "coding-and-length", "length-and-coding",
        "two-lengths", "list-of-lengths", "negative", "gzip", "gzip-chunked", "chunked-twice",
        "1.0-chunked", "2.0", "999", "101", "folded", "nul", "bare-lf", "huge-head",
        "huge-trailer", "endless-hints", "105-with-body", "150-with-body",
    ],
)  # fmt: skip
async def test_what_is_not_an_answer_is_broken_off_and_its_connection_ends(
    scene: Any, said: bytes
) -> None:
    scene.says(said)

    with pytest.raises(ConnectionBroken):
        await scene.ask()

    assert (await scene.ask()).body == b"ok"
    assert scene.connections == 2


async def test_what_comes_when_nobody_asked_is_nobodys_answer(scene: Any) -> None:
    said = asyncio.Event()

    async def late(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await asyncio.sleep(0.02)
        writer.write(SECRET)
        said.set()

    scene.turns.append(late)
    first = await scene.ask()
    await said.wait()
    await asyncio.sleep(0.02)

    assert (first.body, first.kept) == (b"ok", True)
    assert (await scene.ask()).body == b"ok"
    assert scene.connections == 2


async def test_a_connection_closed_at_rest_is_not_used(scene: Any) -> None:
    scene.says(OK, close=True)
    await scene.ask()
    while scene.address.idle[0].is_open:  # noqa: ASYNC110 - nothing else tells of it
        await asyncio.sleep(0.005)

    assert (await scene.ask()).body == b"ok"
    assert scene.connections == 2


async def test_a_kept_connection_that_ends_unheard_says_so(scene: Any) -> None:
    await scene.ask()
    scene.says(b"", close=True)

    with pytest.raises(StaleConnection):
        await scene.ask()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", HEAD + b"content-length: 9\r\n\r\nhalf"])
async def test_an_upstream_that_falls_silent_is_given_up(scene: Any, said: bytes) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await asyncio.sleep(60)

    scene.turns.append(silent)

    with pytest.raises(ReadTimeout):
        await scene.ask()

    assert (await scene.ask()).body == b"ok"


async def test_an_upstream_that_is_slow_but_not_silent_is_waited_for(scene: Any) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"content-length: 6\r\n\r\n")
        for each in b"steady":
            await asyncio.sleep(0.1)
            writer.write(bytes([each]))

    scene.turns.append(slow)

    assert (await scene.ask()).body == b"steady"


async def test_an_upstream_that_does_not_begin_in_time_is_given_up(scene: Any) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        for at in range(len(OK)):
            writer.write(OK[at : at + 1])
            await asyncio.sleep(0.1)

    scene.turns.append(slow)

    with pytest.raises(ReadTimeout):
        await scene.ask()


@pytest.mark.parametrize("said", [b"", HEAD + b"content-length: 9\r\n\r\nhalf"])
async def test_who_is_cancelled_leaves_nothing_to_the_next(scene: Any, said: bytes) -> None:
    asked = asyncio.Event()

    async def turn(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        asked.set()
        await asyncio.sleep(0.05)
        writer.write(SECRET)

    scene.turns.append(turn)
    asking = asyncio.create_task(scene.ask())
    await asked.wait()
    asking.cancel()
    await asyncio.wait([asking])

    assert asking.cancelled()
    assert (await scene.ask()).body == b"ok"
    assert scene.connections == 2


async def test_an_answer_left_unread_ends_its_connection(scene: Any) -> None:
    scene.says(SECRET)
    connection = await scene.pool.acquire()
    connection.send(GET, deadline=float("inf"))
    await connection.read_head()
    scene.pool.release(connection)

    assert (await scene.ask()).body == b"ok"
    assert scene.connections == 2
