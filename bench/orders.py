"""Measure how long single payments take while others pay orders of many bills."""

import asyncio
from collections.abc import Iterator
from itertools import islice

import uvloop

from bench.bank import REPEATS, SETTLED, Bank
from bench.bills import BILLS_OF_ORDER, OpenBills, build_account_number
from bench.callbacks import OPEN, check_settled, fill, new_bank, wait_until_quiet
from bench.client import Tally, send
from bench.lag import PERCENTILE
from bench.load import CONNECTIONS
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result, compute_percentile
from bench.stage import Stage

SHARE = 0.25
"""The pace of single payments, as a share of what is settled at full speed."""
KEPT_PACE = 0.9
"""The least share of the pace that a round must reach to count."""
WARM_UP_S = 3.0
MOST_A_SECOND = 5_000
CONNECTIONS_OF_ORDERS = 4
LEAST_ORDERS = 3
SLACK_S = 10.0


def measure(stage: Stage, options: Options) -> Result:
    """Measure `callbacks_with_orders`: p99 of single payments with orders, and just before.

    One order of 100 bills for every 100 single payments, so both pay as many bills.
    """
    bank = new_bank(stage)
    stage.migrate("payment")
    singles = round(MOST_A_SECOND * (WARM_UP_S + 2 * SHARE * options.rounds * options.seconds))
    count = round(MOST_A_SECOND * SHARE / BILLS_OF_ORDER * options.seconds) * options.rounds
    bills = fill(stage, OPEN, bank, count=singles, orders=count)
    ordinary = map(build_account_number, range(bills.count))
    many = map(build_account_number, range(bills.count, bills.count + bills.orders))
    rounds = []
    processes = options.payment_processes
    with stage.run("payment", database=OPEN, processes=processes, ready="/health"):
        bank.sign_in(stage.services["payment"].port)
        pace = _measure_pace(stage, bank, bills, ordinary)
        for _ in range(options.rounds):
            without = _pay(stage, bank, bills, ordinary, pace=pace, seconds=options.seconds)
            among = _pay(
                stage, bank, bills, ordinary, pace=pace, seconds=options.seconds, many=many
            )
            rounds.append(Round(among, without))
        wait_until_quiet(stage, OPEN)
    check_settled(stage, OPEN)
    return build_result("callbacks_with_orders", rounds, _describe(options, pace))


def _measure_pace(stage: Stage, bank: Bank, bills: OpenBills, numbers: Iterator[str]) -> float:
    chosen = list(islice(numbers, round(MOST_A_SECOND * WARM_UP_S)))
    tally = Tally(SETTLED.encode())
    port = stage.services["payment"].port
    flags = _sign(bank, port, chosen, bills.amount)
    uvloop.run(send(port, flags, tally, connections=CONNECTIONS, seconds=WARM_UP_S))
    tally.check()
    return SHARE * tally.answered / tally.seconds


def _pay(
    stage: Stage,
    bank: Bank,
    bills: OpenBills,
    numbers: Iterator[str],
    *,
    pace: float,
    seconds: float,
    many: Iterator[str] | None = None,
) -> float:
    """Pay at a fixed pace, and orders beside; return p99 of the single payments in milliseconds.

    Raises: BenchError when the pace was not kept.
    """
    port = stage.services["payment"].port
    singles, orders = Tally(SETTLED.encode()), Tally(SETTLED.encode())
    count = round(pace * seconds)
    due = list(islice(numbers, count))
    if len(due) < count:
        raise BenchError(f"at {pace:.0f} payments a second the prepared bills ran out")
    flags = _sign(bank, port, due, bills.amount)
    pace_of_orders = pace / BILLS_OF_ORDER
    chosen = [] if many is None else list(islice(many, round(pace_of_orders * seconds)))
    if many is not None and len(chosen) < LEAST_ORDERS:
        raise BenchError(f"at {pace:.0f} payments a second too few orders are due")
    flags_of_orders = _sign(bank, port, chosen, bills.amount * BILLS_OF_ORDER)

    async def run() -> None:
        repeated = 1 / (1 - REPEATS)
        most_s = seconds + SLACK_S
        await asyncio.gather(
            send(
                port, flags, singles, connections=CONNECTIONS, seconds=most_s, rate=pace * repeated
            ),
            send(
                port,
                flags_of_orders,
                orders,
                connections=CONNECTIONS_OF_ORDERS,
                seconds=most_s,
                rate=pace_of_orders * repeated,
            ),
        )

    uvloop.run(run())
    singles.check()
    orders.check()
    if singles.seconds * KEPT_PACE > seconds:
        raise BenchError(f"{seconds:g} s of payments took {singles.seconds:.1f} s: no pace")
    return compute_percentile(singles.took_s, PERCENTILE) * 1000


def _sign(bank: Bank, port: int, numbers: list[str], amount: int) -> Iterator[bytes]:
    """Return signed flags for these accounts with their repeats, made before they are sent."""
    return iter([raw for _, raw in bank.flags(port, numbers, amount=amount, threads=1)])


def _describe(options: Options, pace: float) -> str:
    return (
        f"p99 of single payments at {pace:,.0f} a second, {SHARE:.0%} of what was settled at full"
        f" speed just before, from the moment each was due; with one order of {BILLS_OF_ORDER}"
        f" bills for every {BILLS_OF_ORDER} of them, beside the same without; payment-service in"
        f" {options.payment_processes} process(es), workers off, a Python client, {CONNECTIONS}"
        f" connections for single ones and {CONNECTIONS_OF_ORDERS} for orders,"
        f" {REPEATS:.0%} repeats, {options.label}, fsync on"
    )
