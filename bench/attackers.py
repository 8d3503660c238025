"""Attacking clients, run as a process: `python -m bench.attackers`.

A process runs one attack, against this machine only. The parent process ends it with SIGTERM, and
it prints how many requests it sent. An attacker has processors of its own, so this process runs
only where all others leave processor time.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from sandbox.ports import HOST

SIGN_INS = 60
UPLOADS = 512
STOPPED = 200
_sent = 0
AGAIN_S = 1.0
"""The pause after an answer; clients seldom repeat a request before they have one."""
MOST_S = 300
"""The longest run, in case the parent process does not end it."""

LOWEST = 19
AUTOGROUP = Path("/proc/self/autogroup")
"""The priority of a session of processes; where the kernel groups by session, that of a process
holds within its session only."""

Attack = Callable[[int, str], Awaitable[None]]


async def made_up_sign_ins(port: int, _: str) -> None:
    """Send sixty sign-ins at once with unknown names, and again a second after each answer."""

    async def sign_in(number: int) -> None:
        while True:
            grant = {
                "grant_type": "password",
                "username": f"nobody{number}",
                "password": "made up and wrong",
            }
            await _ask(port, "POST /v1/auth/token", body=json.dumps(grant).encode())
            await asyncio.sleep(AGAIN_S)

    await asyncio.gather(*(sign_in(number) for number in range(SIGN_INS)))


async def slow_uploads(port: int, token: str) -> None:
    """Upload 512 bodies from one account, a byte every five seconds each."""

    async def upload() -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                try:
                    writer.write(_build_head(port, "POST /v1/members", token, 900_000))
                    _count()
                    while not writer.is_closing():
                        writer.write(b"x")
                        await writer.drain()
                        await asyncio.sleep(5)
                finally:
                    writer.close()

    await asyncio.gather(*(upload() for _ in range(UPLOADS)))


async def a_stopped_service(port: int, token: str) -> None:
    """Send 200 requests at once to a service that does not respond, and repeat them."""

    async def ask() -> None:
        while True:
            await _ask(port, "GET /v1/members", token=token)
            await asyncio.sleep(AGAIN_S)

    await asyncio.gather(*(ask() for _ in range(STOPPED)))


async def the_document_in_a_loop(port: int, _: str) -> None:
    """Request `/openapi.json` as fast as possible, each over a new connection."""
    while True:
        await _ask(port, "GET /openapi.json")


ATTACKS: dict[str, Attack] = {
    each.__name__: each
    for each in (made_up_sign_ins, slow_uploads, a_stopped_service, the_document_in_a_loop)
}


async def _ask(port: int, what: str, *, token: str = "", body: bytes = b"") -> None:
    with contextlib.suppress(OSError, EOFError):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(_build_head(port, what, token, len(body)) + body)
            _count()
            while await reader.read(65536):
                pass
        finally:
            writer.close()


def _count() -> None:
    global _sent
    _sent += 1


def _build_head(port: int, what: str, token: str, length: int) -> bytes:
    lines = [
        f"{what} HTTP/1.1",
        f"Host: {HOST}:{port}",
        "Connection: close",
        "Content-Type: application/json",
    ]
    lines += [f"Content-Length: {length}"] if length else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode()


def _lower_priority() -> None:
    os.nice(LOWEST)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(LOWEST))


async def _attack(name: str, port: int, token: str) -> None:
    attacking = asyncio.ensure_future(ATTACKS[name](port, token))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, attacking.cancel)
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(MOST_S):
            await attacking


def main() -> None:
    """Attack until ended. Arguments: attack and port; the token is read from standard input."""
    name, port = sys.argv[1:]
    _lower_priority()
    asyncio.run(_attack(name, int(port), sys.stdin.readline().strip()))
    sys.stdout.write(f"{_sent}\n")


if __name__ == "__main__":
    main()
