"""Look-ups of names: one at a time, and the last answer counts while the next is made."""

import asyncio
import socket
from typing import Any

import pytest

from gateway.edge.names import REMEMBERED_S, Names


class Loop(asyncio.SelectorEventLoop):
    """An event loop that resolves names from a script."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up = 0
        self.answer: list[str] | OSError = ["192.0.2.1", "192.0.2.2"]
        self.now = 1000.0

    def time(self) -> float:
        return super().time() + self.now

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        self.looked_up += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, OSError):
            raise self.answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in self.answer]


def run(steps: Any) -> None:
    loop = Loop()
    try:
        loop.run_until_complete(steps(loop))
    finally:
        loop.close()


def test_an_address_is_not_looked_up() -> None:
    async def steps(loop: Loop) -> None:
        assert await Names("192.0.2.9", 80).resolve() == ["192.0.2.9"]
        assert await Names("2001:db8::1", 80).resolve() == ["2001:db8::1"]
        assert loop.looked_up == 0

    run(steps)


def test_many_at_once_share_one_look_up() -> None:
    async def steps(loop: Loop) -> None:
        names = Names("member", 8002)
        found = await asyncio.gather(*(names.resolve() for _ in range(50)))
        assert found == [["192.0.2.1", "192.0.2.2"]] * 50
        assert loop.looked_up == 1

    run(steps)


def test_the_last_answer_counts_while_the_next_is_made_and_when_it_fails() -> None:
    async def steps(loop: Loop) -> None:
        names = Names("member", 8002)
        await names.resolve()
        loop.now += REMEMBERED_S + 1
        loop.answer = OSError("no name server")
        during = await names.resolve()
        await asyncio.sleep(0.01)
        loop.answer = ["192.0.2.3"]
        await names.resolve()
        await asyncio.sleep(0.01)
        after = await names.resolve()

        assert during == ["192.0.2.1", "192.0.2.2"]
        assert after == ["192.0.2.3"]

    run(steps)


def test_a_name_that_never_resolved_is_an_error() -> None:
    async def steps(loop: Loop) -> None:
        loop.answer = OSError("no such name")
        names = Names("nowhere", 80)
        for _ in range(2):
            with pytest.raises(OSError, match="no such name"):
                await names.resolve()

    run(steps)
