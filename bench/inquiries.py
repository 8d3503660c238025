"""Measure answered inquiries per second, beside the same statements by pgbench."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from bench import yardstick
from bench.bank import Bank, build_inquiry_body
from bench.bills import OpenBills, build_account_number
from bench.callbacks import OPEN, PLAIN, check_settled, fill, new_bank, wait_until_quiet
from bench.load import THREADS, send_prepared, write_requests
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from sandbox.postgres import Postgres
from snap_bi.profiles import GENERIC_HMAC

TARGET = f"{GENERIC_HMAC.public_prefix}/transfer-va/inquiry"
ANSWERED = "2002400"
SCRIPT = Path(__file__).with_name("inquiry.sql")
HOW = yardstick.HOW.replace("payment.sql", SCRIPT.name)
BILLS = 40_000
WARM_UP_S = 3.0
MOST_A_SECOND, LEAST_A_SECOND, MARGIN = 20_000, 1_500, 2.5
"""Inquiries prepared per second of the warm-up, and then; far more than can be answered."""

_ANSWERED = "SELECT count(*) FROM callbacks WHERE verdict = 'answered'"
# One answered inquiry as our service stores it; bytea is read as hexadecimal text.
_SAMPLE = """
    SELECT json_build_object(
        'source', source, 'target', target, 'headers', headers::text, 'signed_over', signed_over,
        'body', body::text, 'answer', answer::text)
    FROM callbacks WHERE verdict = 'answered' ORDER BY id DESC LIMIT 1
"""
WRITTEN = """
    SELECT json_build_object(
        'messages', (SELECT count(*) FROM callbacks WHERE verdict = 'answered'),
        'external ids', (SELECT count(*) FROM snap_external_ids))
"""
_WEIGHED = """
    SELECT json_build_object(
        'message', (SELECT avg(pg_column_size(callbacks)) FROM callbacks),
        'external id', (SELECT avg(pg_column_size(snap_external_ids)) FROM snap_external_ids))
"""


def measure(stage: Stage, options: Options) -> Result:
    """Measure `inquiries_direct`."""
    bank, count = new_bank(stage), min(BILLS, options.bills)
    stage.migrate("payment")
    stage.copy(OPEN, name=PLAIN)
    bills = fill(stage, OPEN, bank, count=count)
    plain_bills = fill(stage, PLAIN, bank, count=count, plain=True)
    rounds, client = [], ""
    for _ in range(options.rounds):
        ours = stage.copy(OPEN)
        rate, client = _answer(stage, options, bank, bills, ours)
        check_settled(stage, ours)
        answered = stage.count(ours, _ANSWERED)
        yardstick.check_written(stage.postgres, ours, answered, written=WRITTEN)
        plain, parts = stage.copy(PLAIN), json.loads(stage.postgres.query(ours, _SAMPLE))
        beside = ask(stage.postgres, plain, plain_bills, parts, seconds=options.seconds)
        yardstick.check_alike(stage.postgres, ours, plain, weighed=_WEIGHED)
        rounds.append(Round(rate, beside))
        stage.drop(ours)
        stage.drop(plain)
    return build_result("inquiries_direct", rounds, _describe(options, client, count))


def ask(
    postgres: Postgres,
    database: str,
    bills: OpenBills,
    parts: dict[str, str],
    *,
    seconds: float,
) -> float:
    """Return the inquiries per second of the yardstick on a database of plain numbers.

    Raises: BenchError when it wrote other rows than expected.
    """
    given = {**parts, "bills": str(bills.count)}
    warm = yardstick.run_pgbench(
        postgres, database, bills, given, ["-t", str(yardstick.WARM_UP)], script=SCRIPT
    )
    postgres.query("postgres", "CHECKPOINT")
    said = yardstick.run_pgbench(
        postgres, database, bills, given, ["-T", str(round(seconds))], script=SCRIPT
    )
    yardstick.check_written(postgres, database, warm.done + said.done, written=WRITTEN)
    return said.rate


def _answer(
    stage: Stage, options: Options, bank: Bank, bills: OpenBills, database: str
) -> tuple[float, str]:
    """Return the answered inquiries per second, and the name of the client."""
    processes = options.payment_processes
    with stage.run("payment", database=database, processes=processes, ready="/health"):
        port = stage.services["payment"].port
        bank.sign_in(port)
        before, _, _ = _send(stage, database, bank, bills, MOST_A_SECOND, WARM_UP_S)
        stage.postgres.query("postgres", "CHECKPOINT")
        most = max(LEAST_A_SECOND, before / WARM_UP_S * MARGIN)
        answered, seconds, client = _send(stage, database, bank, bills, most, options.seconds)
    return answered / seconds, client


def _send(
    stage: Stage, database: str, bank: Bank, bills: OpenBills, rate: float, seconds: float
) -> tuple[int, float, str]:
    """Send inquiries; return how many were answered in the database, seconds, and the client."""
    port, prefix = stage.services["payment"].port, stage.folder / "inquiries"
    write_requests(prefix, _sign(bank, port, bills.count, round(rate * seconds)))
    before = stage.count(database, _ANSWERED)
    load = send_prepared(port, prefix, seconds=seconds, expected=ANSWERED)
    wait_until_quiet(stage, database)
    answered = stage.count(database, _ANSWERED) - before
    if answered < load.answered:
        raise BenchError(f"{load.answered} answers, but only {answered} inquiries are kept")
    return answered, load.seconds, load.client


def _sign(bank: Bank, port: int, bills: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Yield signed inquiries about any of the bills, each with its thread."""
    chance = random.Random(0)
    for number in range(count):
        body = build_inquiry_body(build_account_number(chance.randrange(bills)))
        yield number % THREADS, bank.sign(port, body, target=TARGET)


def _describe(options: Options, client: str, bills: int) -> str:
    return (
        f"payment-service in {options.payment_processes} process(es), workers off, {client},"
        f" {options.label}, {bills:,} open bills, fsync on, answered inquiries counted in the"
        f" database; yardstick: {HOW}, {options.label}"
    )
