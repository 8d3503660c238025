"""Run the yardstick of the callbacks: bench/payment.sql by pgbench."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.bills import OpenBills
from bench.results import BenchError
from sandbox import binaries
from sandbox.ports import HOST
from sandbox.postgres import Postgres
from sandbox.roles import get_login

SCRIPT = Path(__file__).with_name("payment.sql")
SERVICE = "payment"
CLIENTS, THREADS = 32, 2
WARM_UP = 100
"""Transactions of each client before the measurement."""
MOST_S = 600.0
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_DONE = re.compile(r"actually processed: ([0-9]+)")

HOW = f"pgbench -M prepared -n -c {CLIENTS} -j {THREADS} -f bench/payment.sql"

# One settled payment as our service stores it; bytea is read as hexadecimal text.
_SAMPLE = """
    SELECT json_build_object(
        'source', source, 'target', target, 'headers', headers::text, 'signed_over', signed_over,
        'body', body::text, 'content_hash', content_hash::text, 'answer', answer::text,
        'event', (SELECT data::text FROM events WHERE type = 'payment.settled.v1'
                  AND data ->> 'payment_id' = payment_id::text))
    FROM callbacks WHERE verdict = 'settled' ORDER BY id DESC LIMIT 1
"""
# The rows that our service writes per payment, by number and by size; repeats excluded.
_WRITTEN = """
    SELECT json_build_object(
        'payments', (SELECT count(*) FROM payments),
        'allocations', (SELECT count(*) FROM allocations),
        'request ids', (SELECT count(*) FROM payment_requests),
        'paid bills', (SELECT count(*) FROM bills WHERE status = 'paid'),
        'transfers', (SELECT count(*) / 3.0 FROM ledger_transfers),
        'messages', (SELECT count(*) FROM callbacks WHERE verdict = 'settled'),
        'external ids', (SELECT count(*) FROM snap_external_ids)
            - (SELECT count(*) FROM callbacks WHERE verdict <> 'settled'),
        'events', (SELECT count(*) FROM events WHERE type = 'payment.settled.v1'))
"""
_WEIGHED = """
    SELECT json_build_object(
        'payment', (SELECT avg(pg_column_size(payments)) FROM payments),
        'allocation', (SELECT avg(pg_column_size(allocations)) FROM allocations),
        'transfer', (SELECT avg(pg_column_size(ledger_transfers)) FROM ledger_transfers),
        'message', (SELECT avg(pg_column_size(callbacks)) FROM callbacks
                    WHERE verdict = 'settled'),
        'event', (SELECT avg(pg_column_size(events)) FROM events
                  WHERE type = 'payment.settled.v1'))
"""
WEIGHT_BYTES = 8
"""The largest difference between the mean row sizes of the two sides."""


def sample(postgres: Postgres, database: str) -> dict[str, str]:
    """Return the parts of a payment that our service booked."""
    found: dict[str, str] = json.loads(postgres.query(database, _SAMPLE))
    return found


def run(
    postgres: Postgres, database: str, bills: OpenBills, parts: Mapping[str, str], *, seconds: float
) -> float:
    """Return the payments per second of the yardstick on a database of plain numbers.

    Raises: BenchError when it wrote other rows than expected.
    """
    before = pay(postgres, database, bills, parts, transactions=WARM_UP)
    postgres.query("postgres", "CHECKPOINT")
    length = ["-T", str(round(seconds)), "-D", f"n={WARM_UP - 1}"]
    said = run_pgbench(postgres, database, bills, parts, length)
    check_written(postgres, database, before + said.done)
    return said.rate


def pay(
    postgres: Postgres,
    database: str,
    bills: OpenBills,
    parts: Mapping[str, str],
    *,
    transactions: int,
) -> int:
    """Pay the first bills; return the number of payments. transactions: per client."""
    length = ["-t", str(transactions), "-D", "n=-1"]
    return run_pgbench(postgres, database, bills, parts, length).done


def check_written(
    postgres: Postgres, database: str, messages: int, *, written: str = _WRITTEN
) -> None:
    """Check that each payment has one row of every kind. Raises: BenchError.

    written: the query for the number of rows by their name.
    """
    counts = json.loads(postgres.query(database, written))
    odd = [f"{count} {what}" for what, count in counts.items() if count != messages]
    if odd:
        raise BenchError(f"for {messages} messages were written: {', '.join(odd)}")


def check_alike(postgres: Postgres, ours: str, yardstick: str, *, weighed: str = _WEIGHED) -> None:
    """Check that the rows of both sides have the same size. Raises: BenchError.

    weighed: the query for the mean sizes of rows by their name.
    """
    rows = [json.loads(postgres.query(name, weighed)) for name in (ours, yardstick)]
    odd = [
        f"{what}: {rows[0][what]:.0f} and {rows[1][what]:.0f} bytes"
        for what in rows[0]
        if abs(rows[0][what] - rows[1][what]) > WEIGHT_BYTES
    ]
    if odd:
        raise BenchError(f"the yardstick writes other rows than ours: {'; '.join(odd)}")


@dataclass(frozen=True, slots=True)
class Said:
    """What pgbench reports. rate: transactions a second; done: their number."""

    rate: float
    done: int


def run_pgbench(
    postgres: Postgres,
    database: str,
    bills: OpenBills,
    parts: Mapping[str, str],
    length: list[str],
    *,
    script: Path = SCRIPT,
) -> Said:
    """Run a script with the clients of a yardstick. length: options for how long.

    Raises: BenchError.
    """
    _, _, address = postgres.url(database, roles_of=SERVICE).partition("://")
    password = address.partition("@")[0].partition(":")[2]
    values = {"partner_id": str(bills.partner_id), **parts}
    defined = [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
    done = subprocess.run(
        [
            *(str(binaries.installed() / "bin" / "pgbench"), "-M", "prepared", "-n"),
            *("-c", str(CLIENTS), "-j", str(THREADS), "-f", str(script), *length, *defined),
            *("-h", HOST, "-p", str(postgres.port), "-U", get_login("app", SERVICE), database),
        ],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_S,
    )
    if done.returncode != 0:
        raise BenchError(f"pgbench failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return Said(float(_search(_RATE, done.stdout)), int(_search(_DONE, done.stdout)))


def _search(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise BenchError("pgbench reported no rate")
    return found[1]
