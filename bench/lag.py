"""Measure the time from a payment to the coverage of its member, under constant load."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from uuid import UUID

import asyncpg
import uvloop

from bench.bank import REPEATS, SETTLED, Bank
from bench.bills import OpenBills, build_account_number
from bench.callbacks import check_books, fill, measure_rate
from bench.client import Tally, send
from bench.gateway import run_gateway
from bench.load import CONNECTIONS
from bench.members import seed_members
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from sandbox import lifetime

EMPTY, PAYMENT, MEMBER, AGENT = "lag_empty", "lag_payment", "lag_member", "agent"
WORKING = {"RUN_WORKER": "1"}
SHARE = 0.5
"""The pace, as a share of the payments per second that can be settled."""
KEPT_PACE = 0.9
"""The least share of the pace that a round must reach to count."""
WARM_UP_S = 3.0
SPARE = 1.1
CATCH_UP_S = 300.0
MOST_S = 120.0
PERCENTILE = 0.99

# The tables of both services: what was paid, and what is known of it for the member.
_ALLOCATED = """
    SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM allocations
"""
_HEAD = "SELECT count(*) FROM events"
_READ = "SELECT coalesce(min(position), 0) FROM subscriptions WHERE name = :'name'"
SUBSCRIPTIONS = (
    (PAYMENT, "commissions.payments", PAYMENT),
    (PAYMENT, "commissions.members", MEMBER),
    (PAYMENT, "commissions.agents", AGENT),
    (MEMBER, "payments", PAYMENT),
)
"""Database of the cursor, name, database of the feed."""


def measure(stage: Stage, options: Options) -> Result:
    """Measure `event_lag`."""
    _keep_commit_times(stage)
    stage.migrate("payment")
    stage.copy("payment", name=EMPTY)
    bank, most = measure_rate(stage, options)
    pace = most * SHARE
    bills = _seed(stage, options, bank, pace)
    rounds = []
    numbers = map(build_account_number, range(bills.count))
    with _run_platform(stage, options):
        _catch_up(stage)
        bank.sign_in(stage.services["payment"].port)
        _pay(stage, bank, bills, numbers, pace=pace, seconds=WARM_UP_S)
        for _ in range(options.rounds):
            took, lags = _pay(stage, bank, bills, numbers, pace=pace, seconds=options.seconds)
            if took * KEPT_PACE > options.seconds and not options.quick:
                raise BenchError(f"{options.seconds:g} s of payments took {took:.1f} s: no pace")
            rounds.append(Round(compute_percentile(lags, PERCENTILE)))
    check_books(stage, PAYMENT)
    return build_result("event_lag", rounds, _describe(options, pace, most))


def compute_percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of values. share: 0.99 for p99."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _keep_commit_times(stage: Stage) -> None:
    stage.postgres.query("postgres", "ALTER SYSTEM SET track_commit_timestamp = on")
    stage.postgres.stop()
    stage.postgres.start()


def _seed(stage: Stage, options: Options, bank: Bank, pace: float) -> OpenBills:
    """Seed the bills of all rounds and their members."""
    stage.migrate("member", "agent")
    stage.copy(EMPTY, name=PAYMENT)
    stage.copy("member", name=MEMBER)
    count = math.ceil(pace * (WARM_UP_S + options.rounds * options.seconds) * SPARE)
    bills = fill(stage, PAYMENT, bank, count=count)
    asyncio.run(
        seed_members(
            stage.url(MEMBER, "owner"),
            stage.keyring("member"),
            payment_url=stage.url(PAYMENT, "owner"),
        )
    )
    return bills


@contextmanager
def _run_platform(stage: Stage, options: Options) -> Iterator[None]:
    """Run all services with their workers."""
    with ExitStack() as stack:
        stack.enter_context(run_gateway(stage, variables=WORKING))
        for name, database, processes in (
            ("agent", AGENT, 1),
            ("member", MEMBER, 1),
            ("payment", PAYMENT, options.payment_processes),
        ):
            service = stage.run(name, database=database, processes=processes, variables=WORKING)
            stack.enter_context(service)
        yield


def _catch_up(stage: Stage) -> None:
    """Wait until all subscriptions have read every event. Raises: BenchError."""

    def is_caught_up() -> bool:
        return all(
            stage.postgres.query(kept_in, _READ, name) == stage.postgres.query(source, _HEAD)
            for kept_in, name, source in SUBSCRIPTIONS
        )

    if not lifetime.wait_until(is_caught_up, timeout_s=CATCH_UP_S):
        raise BenchError(f"events were still unread after {CATCH_UP_S:.0f} s")


def _pay(
    stage: Stage,
    bank: Bank,
    bills: OpenBills,
    numbers: Iterator[str],
    *,
    pace: float,
    seconds: float,
) -> tuple[float, list[float]]:
    """Pay at a fixed pace; return the duration and the lag of each payment, in seconds.

    The lag is the time from the commit of a payment to the commit of its coverage.
    """
    port = stage.services["payment"].port
    chosen = list(islice(numbers, round(pace * seconds)))
    flags = bank.flags(port, chosen, amount=bills.amount, threads=1)
    requests = [raw for _, raw in flags]
    before = asyncio.run(_read(stage.url(PAYMENT, "owner"), _ALLOCATED))
    tally = Tally(SETTLED.encode())
    rate = pace / (1 - REPEATS)
    uvloop.run(  # a client that needs little processor time
        send(port, iter(requests), tally, connections=CONNECTIONS, seconds=MOST_S, rate=rate)
    )
    tally.check()
    _catch_up(stage)
    committed = asyncio.run(_read(stage.url(PAYMENT, "owner"), _ALLOCATED))
    covered = asyncio.run(_read(stage.url(MEMBER, "owner"), _ALLOCATED))
    if committed.keys() != covered.keys():
        raise BenchError(
            f"{len(committed.keys() ^ covered.keys())} payments do not match their coverage"
        )
    new = committed.keys() - before.keys()
    return tally.seconds, [covered[payment] - committed[payment] for payment in new]


async def _read(url: str, sql: str) -> dict[UUID, float]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0]: row[1] for row in await connection.fetch(sql)}
    finally:
        await connection.close()


def _describe(options: Options, pace: float, most: float) -> str:
    return (
        f"p99 from the commit of a payment, before it is answered, to the commit of its coverage,"
        f" by PostgreSQL's commit timestamps; {pace:,.0f} payments/s from a Python client, half of"
        f" the {most:,.0f}/s that were settled just before, {REPEATS:.0%} repeats, {options.label};"
        f" gateway, agent-service and member-service in 1 process, payment-service in"
        f" {options.payment_processes}, all with their workers, fsync on"
    )
