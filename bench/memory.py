"""The memory of one payment-service process after many requests, beside that after a few."""

import asyncio
import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.bank import SETTLED, Bank, payment_body
from bench.bills import account_number
from bench.callbacks import OPEN, check_books, fill, new_bank
from bench.client import Tally, send
from bench.load import CONNECTIONS
from bench.options import Options
from bench.results import BenchError, Result, Round, measured
from bench.stage import Stage

FIRST = 10_000
"""Requests after which the process has all it needs."""
CHUNK = 10_000
"""Signed at once, just before they are sent: a signature is good for five minutes."""
FLAGS_A_BILL = 3
"""One pays it, the others repeat that under new X-EXTERNAL-IDs."""
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
        rounds.append(_round(stage, options, bank, database, amount=bills.amount))
        check_books(stage, database)
        stage.drop(database)
    how = (
        "resident memory of payment-service, 1 process, workers off, after"
        f" {options.requests:,} signed payment flags over {CONNECTIONS} connections of a"
        f" Python client (one in {FLAGS_A_BILL} settles a bill, the others repeat it);"
        f" yardstick: after {FIRST:,}"
    )
    return measured("memory_growth", rounds, how)


def _round(stage: Stage, options: Options, bank: Bank, database: str, *, amount: int) -> Round:
    sizes: dict[int, float] = {}
    bodies = _bodies(options.requests, amount)
    with stage.run("payment", database=database, ready="/health") as pid:
        port = stage.services["payment"].port
        for sent in range(CHUNK, options.requests + 1, CHUNK):
            bank.sign_in(port)
            _send(port, bank, list(islice(bodies, CHUNK)))
            sizes[sent] = resident_mb(pid)
    return Round(sizes[max(sizes)], sizes[FIRST])


def _bodies(count: int, amount: int) -> Iterator[bytes]:
    """Yield the bodies of flags, a bill's repeats some hundred others after its payment."""
    chance = random.Random(0)
    waiting: list[bytes] = []
    for place in range(count // FLAGS_A_BILL):
        waiting += [payment_body(account_number(place), amount)] * FLAGS_A_BILL
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


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process. Raises: BenchError where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        raise BenchError("memory is read from /proc, which is not here") from None
    found = _RESIDENT.search(status)
    if found is None:
        raise BenchError("the process says no memory")
    return int(found[1]) / 1024
