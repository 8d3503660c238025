"""Measure the latency of a bank's inquiry with and without an attack on the gateway."""

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
from bench.bank import Bank, build_inquiry_body
from bench.bills import build_account_number
from bench.callbacks import OPEN, fill, new_bank
from bench.gateway import Gateway, run_gateway, sign_in
from bench.lag import compute_percentile
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from sandbox.ports import HOST
from sandbox.seed import SIGN_INS
from snap_bi.profiles import GENERIC_HMAC

TARGET = f"{GENERIC_HMAC.public_prefix}/transfer-va/inquiry"
ANSWERED = b"2002400"
A_SECOND = 20
WARM_UP_S = 3.0
BEFORE_S = 2.0
"""Between the start of an attack and the first measured inquiry."""
ANSWER_S = 30.0
BILLS = 1_000
USUAL = {"PERISAI_GATEWAY_RATE_LIMITS": "{}", "PERISAI_GATEWAY_REQUESTS_OF_ACCOUNT": "4"}
"""The limits of production, because they are under test."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency in milliseconds."""

    median: float
    p99: float


def measure(stage: Stage, options: Options) -> list[Result]:
    """Measure `edge_under_attack`: the worst attack, by median and by p99."""
    bank = new_bank(stage)
    stage.migrate("payment", "member")
    fill(stage, OPEN, bank, count=BILLS)
    medians, slowest, said = [], [], []
    with _run_platform(stage) as (gateway, member):
        bank.sign_in(gateway.port)
        token = sign_in(stage, gateway, SIGN_INS[0].username)
        _inquire(bank, gateway.port, WARM_UP_S)
        for _ in range(options.rounds):
            rounds = {
                attack: _measure_round(bank, gateway, attack, token, member, options.seconds)
                for attack in ATTACKS
            }
            medians.append(_find_worst([Round(o.median, y.median) for o, y in rounds.values()]))
            slowest.append(_find_worst([Round(o.p99, y.p99) for o, y in rounds.values()]))
            said.append(_format_latencies(rounds))
    how = _describe(options, said)
    return [
        build_result("edge_under_attack", medians, how),
        build_result("edge_under_attack_p99", slowest, how),
    ]


@contextmanager
def _run_platform(stage: Stage) -> Iterator[tuple[Gateway, int]]:
    """Run gateway, payment-service and member-service.

    Yield the gateway and the process id of member-service.
    """
    with ExitStack() as stack:
        gateway = stack.enter_context(run_gateway(stage, variables=USUAL))
        stack.enter_context(stage.run("payment", database=OPEN))
        yield gateway, stack.enter_context(stage.run("member", database="member"))


def _measure_round(
    bank: Bank, gateway: Gateway, attack: str, token: str, member: int, seconds: float
) -> tuple[Latency, Latency]:
    """Return the latency of inquiries during an attack, and just before it."""
    before = _inquire(bank, gateway.port, seconds)
    with _run_attack(attack, gateway.port, token, member):
        time.sleep(BEFORE_S)
        under = _inquire(bank, gateway.port, seconds)
    time.sleep(BEFORE_S)
    return under, before


@contextmanager
def _run_attack(attack: str, port: int, token: str, member: int) -> Iterator[None]:
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
            raise BenchError(f"{attack} ended early")
    finally:
        process.kill()
        process.wait()
        os.kill(member, signal.SIGCONT)


def _inquire(bank: Bank, port: int, seconds: float) -> Latency:
    """Send inquiries at a steady rate and return their latency.

    Raises: BenchError when an answer is wrong.
    """
    taken = asyncio.run(_ask_steadily(bank, port, seconds))
    return Latency(compute_percentile(taken, 0.5), compute_percentile(taken, 0.99))


async def _ask_steadily(bank: Bank, port: int, seconds: float) -> list[float]:
    began = time.monotonic()
    asked = []
    for place in range(round(seconds * A_SECOND)):
        raw = bank.sign(
            port, build_inquiry_body(build_account_number(place % BILLS)), target=TARGET
        )
        await asyncio.sleep(max(0.0, began + place / A_SECOND - time.monotonic()))
        asked.append(asyncio.create_task(_ask(port, raw)))
    return list(await asyncio.gather(*asked))


async def _ask(port: int, raw: bytes) -> float:
    """Return the milliseconds of one inquiry over a new connection, as some banks send it."""
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


def _find_worst(rounds: list[Round]) -> Round:
    return max(rounds, key=lambda each: each.ratio or 0)


def _format_latencies(rounds: dict[str, tuple[Latency, Latency]]) -> str:
    return ", ".join(
        f"{attack.replace('_', ' ')} {under.median:.1f}/{before.median:.1f} and"
        f" {under.p99:.1f}/{before.p99:.1f} ms"
        for attack, (under, before) in rounds.items()
    )


def _describe(options: Options, said: list[str]) -> str:
    return (
        f"{A_SECOND} signed inquiries a second, each over a new connection; gateway,"
        f" payment-service and member-service in 1 process each with the limits of production;"
        f" {options.label} for each of {len(ATTACKS)} attacks, each from its own process, and as"
        f" long just before it; the worst attack counts; median and p99, with and without, of the"
        f" last round:"
        f" {json.dumps(said[-1])[1:-1]}"
    )
