"""Measure the memory of a payment-service process after many requests and after a few."""

import asyncio
import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.bank import SETTLED, Bank, build_payment_body
from bench.bills import build_account_number
from bench.callbacks import OPEN, check_books, fill, new_bank
from bench.client import Tally, send
from bench.load import CONNECTIONS
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage

FIRST = 10_000
"""Requests until the process has warmed up."""
CHUNK = 10_000
"""Requests signed together just before sending; a signature is valid for five minutes."""
FLAGS_A_BILL = 3
"""One flag pays the bill, the others repeat it under new X-EXTERNAL-IDs."""
MOST_S = 600.0
_RESIDENT = re.compile(r"^VmRSS:\s+([0-9]+) kB", re.MULTILINE)


def measure(stage: Stage, options: Options) -> Result:
    """Measure `memory_growth`."""
    bank = new_bank(stage)
    stage.migrate("payment")
    bills = fill(stage, OPEN, bank, count=options.requests // FLAGS_A_BILL)
    rounds = []
    for _ in range(options.rounds):
        database = stage.copy(OPEN)
        rounds.append(_measure_round(stage, options, bank, database, amount=bills.amount))
        check_books(stage, database)
        stage.drop(database)
    how = (
        "resident memory of payment-service, 1 process, workers off, after"
        f" {options.requests:,} signed payment flags over {CONNECTIONS} connections of a"
        f" Python client (one in {FLAGS_A_BILL} settles a bill, the others repeat it);"
        f" yardstick: after {FIRST:,}"
    )
    return build_result("memory_growth", rounds, how)


def _measure_round(
    stage: Stage, options: Options, bank: Bank, database: str, *, amount: int
) -> Round:
    sizes: dict[int, float] = {}
    bodies = _list_bodies(options.requests, amount)
    with stage.run("payment", database=database, ready="/health") as pid:
        port = stage.services["payment"].port
        for sent in range(CHUNK, options.requests + 1, CHUNK):
            bank.sign_in(port)
            _send(port, bank, list(islice(bodies, CHUNK)))
            sizes[sent] = read_resident_mb(pid)
    return Round(sizes[max(sizes)], sizes[FIRST])


def _list_bodies(count: int, amount: int) -> Iterator[bytes]:
    """Yield bodies of flags; payments and their repeats are shuffled within a chunk."""
    chance = random.Random(0)
    waiting: list[bytes] = []
    for place in range(count // FLAGS_A_BILL):
        waiting += [build_payment_body(build_account_number(place), amount)] * FLAGS_A_BILL
        if len(waiting) >= CHUNK:
            chance.shuffle(waiting)
            yield from waiting
            waiting = []
    yield from waiting


def _send(port: int, bank: Bank, bodies: list[bytes]) -> None:
    requests = [bank.sign(port, body) for body in bodies]
    tally = Tally(SETTLED.encode())
    asyncio.run(send(port, iter(requests), tally, connections=CONNECTIONS, seconds=MOST_S))
    tally.check()
    if tally.answered != len(bodies):
        raise BenchError(f"{len(bodies)} flags were sent, {tally.answered} answered")


def read_resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB. Raises: BenchError without /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        raise BenchError("memory is read from /proc, which is missing") from None
    found = _RESIDENT.search(status)
    if found is None:
        raise BenchError("/proc does not state the memory of the process")
    return int(found[1]) / 1024
