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
from dataclasses import dataclass, field

from bench.attackers import ATTACKS
from bench.bank import Bank, build_inquiry_body
from bench.bills import build_account_number
from bench.callbacks import OPEN, fill, new_bank
from bench.gateway import Gateway, run_gateway, sign_in
from bench.inquiries import TARGET
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result, compute_percentile
from bench.stage import Stage
from sandbox.ports import HOST
from sandbox.seed import SIGN_INS

ANSWERED = b"2002400"
A_SECOND = 20
WARM_UP_S = 3.0
BEFORE_S = 2.0
"""Between the start of an attack and the first measured inquiry."""
ANSWER_S = 30.0
END_S = 30.0
LEAST_A_SECOND = {
    "made_up_sign_ins": 20,
    "slow_uploads": 20,
    "a_stopped_service": 60,
    "the_document_in_a_loop": 50,
}
"""Requests of an attack; if the machine is too busy to send as many, there is no figure."""
BILLS = 1_000
USUAL = {"PERISAI_GATEWAY_RATE_LIMITS": "{}", "PERISAI_GATEWAY_REQUESTS_OF_ACCOUNT": "4"}
"""The limits of production, because they are under test."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency in milliseconds."""

    median: float
    p99: float


@dataclass(slots=True)
class Attack:
    """An attack that ran. rate: the requests that it sent a second."""

    began: float = field(default_factory=time.monotonic)
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """The latency of inquiries during an attack and before it, and the rate of the attack."""

    under: Latency
    before: Latency
    rate: float


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
            found = [(each.under, each.before) for each in rounds.values()]
            medians.append(_find_worst([Round(o.median, y.median) for o, y in found]))
            slowest.append(_find_worst([Round(o.p99, y.p99) for o, y in found]))
            said.append(_format_effects(rounds))
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
) -> Effect:
    before = _inquire(bank, gateway.port, seconds)
    with _run_attack(attack, gateway.port, token, member) as run:
        time.sleep(BEFORE_S)
        under = _inquire(bank, gateway.port, seconds)
    time.sleep(BEFORE_S)
    return Effect(under, before, run.rate)


@contextmanager
def _run_attack(attack: str, port: int, token: str, member: int) -> Iterator[Attack]:
    if attack == "a_stopped_service":
        os.kill(member, signal.SIGSTOP)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.attackers", attack, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # for a priority of its own
    )
    run = Attack()
    try:
        assert process.stdin is not None, "it is a pipe"
        process.stdin.write(f"{token}\n")
        process.stdin.flush()
        yield run
        if process.poll() is not None:
            raise BenchError(f"{attack} ended early")
        seconds = time.monotonic() - run.began
        process.terminate()
        run.rate = int(process.communicate(timeout=END_S)[0]) / seconds
        if run.rate < LEAST_A_SECOND[attack]:
            raise BenchError(f"{attack} sent {run.rate:.0f} requests a second, which is too few")
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


def _format_effects(effects: dict[str, Effect]) -> str:
    return ", ".join(
        f"{attack.replace('_', ' ')} ({each.rate:.0f} a second)"
        f" {each.under.median:.1f}/{each.before.median:.1f} and"
        f" {each.under.p99:.1f}/{each.before.p99:.1f} ms"
        for attack, each in effects.items()
    )


def _describe(options: Options, said: list[str]) -> str:
    return (
        f"{A_SECOND} signed inquiries a second, each over a new connection; gateway,"
        f" payment-service and member-service in 1 process each with the limits of production;"
        f" {options.label} for each of {len(ATTACKS)} attacks, each from a process of the lowest"
        f" priority, and as long just before it; the worst attack counts; requests of the attack,"
        f" median and p99, with and without, of the last round:"
        f" {json.dumps(said[-1])[1:-1]}"
    )
