"""Measure the time from a payment to the coverage of its member, under constant load."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

import asyncpg
import uvloop

from bench.agents import AGENTS, WADAHS, publish_agents
from bench.bank import REPEATS, SETTLED, Bank
from bench.bills import OpenBills, build_account_number
from bench.callbacks import check_books, fill, measure_rate
from bench.client import Tally, send
from bench.gateway import DATABASE, run_gateway
from bench.load import CONNECTIONS
from bench.members import seed_members
from bench.options import Options
from bench.results import LIMITS, BenchError, Result, Round, build_result, compute_percentile
from bench.stage import Stage
from sandbox import lifetime

EMPTY, PAYMENT, MEMBER, AGENT = "lag_empty", "lag_payment", "lag_member", "agent"
SHARE = 0.5
"""The pace, as a share of the payments per second that can be settled."""
KEPT_PACE = 0.9
"""The least share of the pace that must be reached for it to be kept."""
TRIES = 4
"""Paces tried when the wanted one is not kept; the result is exact to a sixteenth of it."""
MOST_TRIED_S = 8.0
WARM_UP_S = 3.0
SPARE = 1.1
CATCH_UP_S = 300.0
SETTLE_S = 120.0
MOST_S = 120.0
PERCENTILE = 0.99

# The tables of both services: what was paid, and what is known of it for the member.
_ALLOCATED = """
    SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM allocations
"""
_HEAD = "SELECT count(*) FROM events"
# The agents have no accounts, so the gateway reads on behind their events.
_PASS_OVER = """
    INSERT INTO subscriptions (name, position, updated_at)
    VALUES ('gateway.agents', :'name', now())
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_UNCOUNTED = """
    SELECT count(*) FROM allocations WHERE NOT EXISTS (
        SELECT FROM commission_lines AS line
        WHERE line.payment_id = allocations.payment_id AND line.allocation_id = allocations.id)
"""
_NUMBERED = "SELECT coalesce(max(position), 0) FROM event_positions"
_READ = "SELECT name, position FROM subscriptions"
LOOK_S = 0.25
"""Between two looks at the cursors."""
FEEDS = {"agents": AGENT, "accounts": AGENT, "members": MEMBER, "payments": PAYMENT}
"""The database with the feed of a subscription, by the last word of the subscription's name."""
BUSY = {
    *("commissions.payments", "commissions.members", "commissions.agents"),
    *("attributions.members", "bills.members", "payments", "open_bills.payments"),
    *("risk_flags.members", "agent.members"),
}
"""Subscriptions that payments or seeded members keep busy. A worker that starts has none yet."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Payments at a fixed pace. seconds: until all were answered, and all but the last covered.

    The last ones may be covered later by what the lag may be. lags: in seconds. earned_s: from the
    last answer until commission was computed for all.
    """

    seconds: float
    lags: list[float]
    earned_s: float


def measure(stage: Stage, options: Options) -> list[Result]:
    """Measure `event_lag`, and `event_lag_pace` at which it was measured."""
    _keep_commit_times(stage)
    stage.migrate("payment")
    stage.copy("payment", name=EMPTY)
    bank, most = measure_rate(stage, options)
    wanted, tried_s = most * SHARE, min(options.seconds, MOST_TRIED_S)
    bills = _seed(stage, options, bank, wanted)
    numbers = map(build_account_number, range(bills.count))
    lags, paces, earned_s = list[Round](), list[Round](), list[float]()

    def pay(pace: float, seconds: float) -> Paid:
        return _pay(stage, bank, bills, numbers, pace=pace, seconds=seconds)

    with _run_platform(stage, options):
        _catch_up(stage)
        for name in (PAYMENT, MEMBER, AGENT):  # no round shall clean up after the seeding
            stage.postgres.query(name, "VACUUM (ANALYZE)")
        stage.postgres.query("postgres", "CHECKPOINT")
        bank.sign_in(stage.services["payment"].port)
        pay(wanted / 2, WARM_UP_S)
        pace = find_pace(lambda pace: is_kept(pay(pace, tried_s), tried_s), wanted)
        for _ in range(options.rounds):
            paid = pay(pace, options.seconds)
            lags.append(Round(compute_percentile(paid.lags, PERCENTILE)))
            kept = pace if is_kept(paid, options.seconds) else len(paid.lags) / paid.seconds
            paces.append(Round(kept, most))
            earned_s.append(paid.earned_s)
    check_books(stage, PAYMENT)
    how = _describe(options, pace, most, earned_s)
    return [build_result("event_lag", lags, how), build_result("event_lag_pace", paces, how)]


def find_pace(keeps: Callable[[float], bool], wanted: float) -> float:
    """Return the wanted pace if it is kept, else the highest that is, by bisection.

    Raises: BenchError if none is kept.
    """
    low, high = 0.0, wanted
    if keeps(wanted):
        return wanted
    for _ in range(TRIES):
        middle = (low + high) / 2
        if keeps(middle):
            low = middle
        else:
            high = middle
    if not low:
        raise BenchError(f"not even {high:.0f} payments/s were kept")
    return low


def is_kept(paid: Paid, seconds: float) -> bool:
    """Tell whether payments and their coverage kept the pace of the client for so long."""
    return paid.seconds * KEPT_PACE <= seconds


def _keep_commit_times(stage: Stage) -> None:
    """Let the server keep commit times."""
    stage.postgres.query("postgres", "ALTER SYSTEM SET track_commit_timestamp = on")
    stage.postgres.stop()
    stage.postgres.start()


def _seed(stage: Stage, options: Options, bank: Bank, pace: float) -> OpenBills:
    """Seed the bills of all rounds and their members."""
    stage.migrate("member", "agent")
    stage.copy(EMPTY, name=PAYMENT)
    stage.copy("member", name=MEMBER)
    asyncio.run(publish_agents(stage.url(AGENT, "owner")))
    seconds = WARM_UP_S + (1 + TRIES) * MOST_TRIED_S + options.rounds * options.seconds
    count = math.ceil(pace * seconds * SPARE)
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
    """Run all services, each with its worker beside it, as in Compose."""
    names = {"agent": AGENT, "member": MEMBER, "payment": PAYMENT}
    with ExitStack() as stack:
        stack.enter_context(run_gateway(stage))
        stage.postgres.query(DATABASE, _PASS_OVER, str(AGENTS + WADAHS))
        for name, database in names.items():
            processes = options.payment_processes if name == "payment" else 1
            stack.enter_context(stage.run(name, database=database, processes=processes))
        for name, database in {**names, "gateway": DATABASE}.items():
            stack.enter_context(stage.run_worker(name, database=database))
        yield


def _catch_up(stage: Stage) -> None:
    """Wait until all subscriptions have read every event. Raises: BenchError."""
    if not asyncio.run(_follow(stage)):
        raise BenchError(f"events were still unread after {CATCH_UP_S:.0f} s")


async def _follow(stage: Stage) -> bool:
    """Look at the cursors until they are at the end; return whether they are there in time.

    It takes next to nothing from those who read: it keeps its connections, and counts all events
    only where those with a position are read.
    """
    async with AsyncExitStack() as stack:
        names = {DATABASE, *FEEDS.values()}
        to = {name: await asyncpg.connect(stage.url(name, "owner")) for name in names}
        for each in to.values():
            stack.push_async_callback(each.close)

        async def has_read(head: str) -> bool:
            heads = {feed: await to[name].fetchval(head) for feed, name in FEEDS.items()}
            read = {row[0]: row[1] for each in to.values() for row in await each.fetch(_READ)}
            return read.keys() >= BUSY and all(
                position == heads[name.rpartition(".")[2]] for name, position in read.items()
            )

        deadline = time.monotonic() + CATCH_UP_S
        while not (await has_read(_NUMBERED) and await has_read(_HEAD)):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
    return True


def _pay(
    stage: Stage,
    bank: Bank,
    bills: OpenBills,
    numbers: Iterator[str],
    *,
    pace: float,
    seconds: float,
) -> Paid:
    """Pay at a fixed pace.

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
    answered_at = time.monotonic()
    _catch_up(stage)
    _await_commissions(stage)
    earned_s = time.monotonic() - answered_at
    committed = asyncio.run(_read(stage.url(PAYMENT, "owner"), _ALLOCATED))
    covered = asyncio.run(_read(stage.url(MEMBER, "owner"), _ALLOCATED))
    if committed.keys() != covered.keys():
        raise BenchError(
            f"{len(committed.keys() ^ covered.keys())} payments do not match their coverage"
        )
    new = committed.keys() - before.keys()
    began = min(committed[payment] for payment in new)
    covered_s = max(covered[payment] for payment in new) - began
    return Paid(
        max(tally.seconds, covered_s - LIMITS["event_lag"].bar),
        [covered[payment] - committed[payment] for payment in new],
        earned_s,
    )


def _await_commissions(stage: Stage) -> None:
    """Wait until commission is computed for all payments. Raises: BenchError."""
    if not lifetime.wait_until(lambda: not stage.count(PAYMENT, _UNCOUNTED), timeout_s=SETTLE_S):
        raise BenchError(f"{stage.count(PAYMENT, _UNCOUNTED)} payments earned nothing")


async def _read(url: str, sql: str) -> dict[UUID, float]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0]: row[1] for row in await connection.fetch(sql)}
    finally:
        await connection.close()


def _describe(options: Options, pace: float, most: float, earned_s: Sequence[float]) -> str:
    return (
        f"p99 from the commit of a payment, before it is answered, to the commit of its coverage,"
        f" by PostgreSQL's commit timestamps; {pace:,.0f} payments/s from a Python client, of"
        f" {most:,.0f}/s that were settled just before without readers, at the median of as many"
        f" rounds: half of them, or else the"
        f" highest pace at which payments and coverage keep up; commission, which may be late, was"
        f" computed for all {min(earned_s):.0f} to {max(earned_s):.0f} s after the last answer;"
        f" {REPEATS:.0%} repeats, {options.label}; gateway, agent-service and member-service in 1"
        f" process, payment-service in {options.payment_processes}, a worker of each beside them,"
        f" fsync on"
    )
