"""How long a bank's inquiry takes while the gateway is attacked, beside the same without."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.attackers import ATTACKS
from bench.bank import Bank, inquiry_body
from bench.bills import account_number
from bench.callbacks import OPEN, fill, new_bank
from bench.door import Door, open_door, sign_in
from bench.lag import percentile
from bench.options import Options
from bench.results import BenchError, Result, Round, measured
from bench.stage import Stage
from sandbox.ports import HOST
from sandbox.seed import SIGN_INS
from snap_bi.profiles import GENERIC_HMAC

TARGET = f"{GENERIC_HMAC.public_prefix}/transfer-va/inquiry"
ANSWERED = b"2002400"
A_SECOND = 20
WARM_UP_S = 3.0
BEFORE_S = 2.0
"""Between the beginning of an attack and the first inquiry that counts."""
ANSWER_S = 30.0
BILLS = 1_000
USUAL = {"PERISAI_GATEWAY_RATE_LIMITS": "{}", "PERISAI_GATEWAY_REQUESTS_OF_ACCOUNT": "4"}
"""The limits of production: they are what is measured."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    median: float
    p99: float


def measure(stage: Stage, options: Options) -> list[Result]:
    """Measure `edge_under_attack`: the attack that costs most, by median and by p99."""
    bank = new_bank(stage)
    stage.migrate("payment", "member")
    fill(stage, OPEN, bank, count=BILLS)
    medians, slowest, said = [], [], []
    with _platform(stage) as (door, member):
        bank.sign_in(door.port)
        token = sign_in(stage, door, SIGN_INS[0].username)
        _inquire(bank, door.port, WARM_UP_S)
        for _ in range(options.rounds):
            rounds = {
                attack: _round(bank, door, attack, token, member, options.seconds)
                for attack in ATTACKS
            }
            medians.append(_worst([Round(o.median, y.median) for o, y in rounds.values()]))
            slowest.append(_worst([Round(o.p99, y.p99) for o, y in rounds.values()]))
            said.append(_told(rounds))
    how = _how(options, said)
    return [
        measured("edge_under_attack", medians, how),
        measured("edge_under_attack_p99", slowest, how),
    ]


@contextmanager
def _platform(stage: Stage) -> Iterator[tuple[Door, int]]:
    """Run the gateway, payment-service and member-service; yield the door and the last one's id."""
    with ExitStack() as stack:
        door = stack.enter_context(open_door(stage, variables=USUAL))
        stack.enter_context(stage.run("payment", database=OPEN))
        yield door, stack.enter_context(stage.run("member", database="member"))


def _round(
    bank: Bank, door: Door, attack: str, token: str, member: int, seconds: float
) -> tuple[Latency, Latency]:
    """Return what inquiries took under an attack, and just before it."""
    before = _inquire(bank, door.port, seconds)
    with _attacking(attack, door.port, token, member):
        time.sleep(BEFORE_S)
        under = _inquire(bank, door.port, seconds)
    time.sleep(BEFORE_S)
    return under, before


@contextmanager
def _attacking(attack: str, port: int, token: str, member: int) -> Iterator[None]:
    if attack == "a_stopped_service":
        os.kill(member, signal.SIGSTOP)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.attackers", attack, str(port)], stdin=subprocess.PIPE
    )
    try:
        assert process.stdin is not None, "it is a pipe"
        process.stdin.write(f"{token}\n".encode())
        process.stdin.close()
        yield
        if process.poll() is not None:
            raise BenchError(f"{attack} ended by itself")
    finally:
        process.kill()
        process.wait()
        os.kill(member, signal.SIGCONT)


def _inquire(bank: Bank, port: int, seconds: float) -> Latency:
    """Ask at a steady rate; return what it took. Raises: BenchError when an answer is wrong."""
    taken = asyncio.run(_ask_steadily(bank, port, seconds))
    return Latency(percentile(taken, 0.5), percentile(taken, 0.99))


async def _ask_steadily(bank: Bank, port: int, seconds: float) -> list[float]:
    began = time.monotonic()
    asked = []
    for place in range(round(seconds * A_SECOND)):
        raw = bank.sign(port, inquiry_body(account_number(place % BILLS)), target=TARGET)
        await asyncio.sleep(max(0.0, began + place / A_SECOND - time.monotonic()))
        asked.append(asyncio.create_task(_ask(port, raw)))
    return list(await asyncio.gather(*asked))


async def _ask(port: int, raw: bytes) -> float:
    """Return the milliseconds of one inquiry over a connection of its own, as some banks ask."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read(65536)
            writer.close()
    except (TimeoutError, OSError, EOFError) as error:
        raise BenchError(f"an inquiry was not answered: {type(error).__name__}") from None
    if ANSWERED not in body:
        raise BenchError(f"an inquiry was answered {head[:12]!r}")
    return (time.perf_counter() - began) * 1000


def _worst(rounds: list[Round]) -> Round:
    return max(rounds, key=lambda each: each.ratio or 0)


def _told(rounds: dict[str, tuple[Latency, Latency]]) -> str:
    return ", ".join(
        f"{attack.replace('_', ' ')} {under.median:.1f}/{before.median:.1f} and"
        f" {under.p99:.1f}/{before.p99:.1f} ms"
        for attack, (under, before) in rounds.items()
    )


def _how(options: Options, said: list[str]) -> str:
    return (
        f"{A_SECOND} signed inquiries a second, each over a new connection; gateway,"
        f" payment-service and member-service in 1 process each with the limits of production;"
        f" {options.label} for each of {len(ATTACKS)} attacks from a process of its own, and as"
        f" long just before it; the"
        f" attack that costs most counts; medians and p99 with and without of the last round:"
        f" {json.dumps(said[-1])[1:-1]}"
    )
