"""Measure settled payments per second, at payment-service and through the gateway."""

import asyncio
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice

from bench import yardstick
from bench.bank import REPEATS, SETTLED, Bank
from bench.bills import OpenBills, build_account_number, seed
from bench.load import THREADS, Load, send_prepared, write_requests
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from bench.statements import count_statements, keep_statements
from payment_service import checks
from perisai_kit.db.engine import Database
from sandbox import lifetime

OPEN, PLAIN = "payment", "plain"
"""Databases with open bills: ours, and that of the yardstick with numbers SQL can compute."""
WARM_UP_S = 3.0
MOST_A_SECOND = 6_000
"""Flags prepared per second of the warm-up; more than can be settled."""
LEAST_A_SECOND, MARGIN = 1_500, 2.0
"""Flags prepared per measured second; far more than the warm-up settled."""
SETTLE_S = 30.0

# Count payments in the database, not answers of clients.
_SETTLED = "SELECT count(*) FROM payments"
_KEPT = "SELECT count(*) FROM callbacks"
_UNSETTLED = """
    SELECT count(*) FROM callbacks WHERE verdict NOT IN ('settled', 'repeated', 'answered')
"""


@dataclass(slots=True)
class Scene:
    """A database with open bills, and the bank that collects payments for them."""

    stage: Stage
    options: Options
    bank: Bank
    bills: OpenBills
    costs: list[str] = field(default_factory=list)
    """Of each round, where statements are counted."""


def direct(stage: Stage, options: Options) -> Result:
    """Measure `callbacks_direct`."""
    rounds, client = _measure(stage, options, through_gateway=False)
    return build_result("callbacks_direct", rounds, _describe(options, client))


def gateway(stage: Stage, options: Options) -> Result:
    """Measure `callbacks_gateway`."""
    stage.migrate("gateway")
    rounds, client = _measure(stage, options, through_gateway=True)
    through = f"gateway in {options.gateway_processes} process(es), "
    return build_result("callbacks_gateway", rounds, through + _describe(options, client))


def measure_rate(stage: Stage, options: Options) -> tuple[Bank, float]:
    """Return the bank, and the payments per second settled directly: the median of the rounds.

    One round can be a third off: connections lie on the processes as it happens.
    """
    bank = new_bank(stage)
    stage.migrate("payment")
    bills = fill(stage, OPEN, bank, count=options.bills)
    scene, rates = Scene(stage, options, bank, bills), list[float]()
    for _ in range(options.rounds):
        ours = stage.copy(OPEN)
        rate, _ = _settle(scene, ours, through_gateway=False)
        rates.append(rate)
        stage.drop(ours)
    return bank, statistics.median(rates)


def new_bank(stage: Stage) -> Bank:
    return Bank(stage.secrets.banks["generic-hmac"])


def fill(
    stage: Stage, database: str, bank: Bank, *, count: int, orders: int = 0, plain: bool = False
) -> OpenBills:
    """Register a bank and issue open bills in an empty migrated database."""
    return asyncio.run(
        seed(
            stage.url(database, "owner"),
            stage.keyring("payment"),
            bank=bank.secrets,
            public_key=bank.key.public_key(),
            count=count,
            orders=orders,
            plain=plain,
        )
    )


def _measure(stage: Stage, options: Options, *, through_gateway: bool) -> tuple[list[Round], str]:
    bank, postgres = new_bank(stage), stage.postgres
    if options.statements:
        keep_statements(stage)
    stage.migrate("payment")
    stage.copy(OPEN, name=PLAIN)
    scene = Scene(stage, options, bank, fill(stage, OPEN, bank, count=options.bills))
    plain_bills = fill(stage, PLAIN, bank, count=options.bills, plain=True)
    rounds, client = [], ""
    for _ in range(options.rounds):
        ours = stage.copy(OPEN)
        rate, client = _settle(scene, ours, through_gateway=through_gateway)
        check_books(stage, ours)
        plain, parts = stage.copy(PLAIN), yardstick.sample(postgres, ours)
        beside = yardstick.run(postgres, plain, plain_bills, parts, seconds=options.seconds)
        yardstick.check_alike(postgres, ours, plain)
        rounds.append(Round(rate, beside))
        stage.drop(ours)
        stage.drop(plain)
    return rounds, "; ".join([client, *scene.costs])


def _settle(scene: Scene, database: str, *, through_gateway: bool) -> tuple[float, str]:
    """Return the settled payments per second, and the name of the client."""
    with _run_services(scene, database, through_gateway=through_gateway) as port:
        scene.bank.sign_in(port)
        numbers = map(build_account_number, range(scene.bills.count))
        before, _ = _send(scene, database, port, numbers, MOST_A_SECOND, WARM_UP_S)
        scene.stage.postgres.query("postgres", "CHECKPOINT")
        guess = max(LEAST_A_SECOND, before / WARM_UP_S * MARGIN)
        with ExitStack() as stack:
            if scene.options.statements:
                cost = stack.enter_context(count_statements(scene.stage, database))
            settled, load = _send(scene, database, port, numbers, guess, scene.options.seconds)
        if scene.options.statements:
            scene.costs.append(cost.describe(settled))
    return settled / load.seconds, load.client


@contextmanager
def _run_services(scene: Scene, database: str, *, through_gateway: bool) -> Iterator[int]:
    """Run the services that banks call; yield the port."""
    stage, options = scene.stage, scene.options
    with ExitStack() as stack:
        # /ready needs the keys of the gateway, which requests of banks do not use.
        payment = stage.run(
            "payment", database=database, processes=options.payment_processes, ready="/health"
        )
        stack.enter_context(payment)
        if through_gateway:
            processes = options.gateway_processes
            running = stage.run("gateway", database="gateway", processes=processes)
            stack.enter_context(running)
        yield stage.services["gateway" if through_gateway else "payment"].port


def _send(
    scene: Scene, database: str, port: int, numbers: Iterator[str], rate: float, seconds: float
) -> tuple[int, Load]:
    """Send flags, `rate` per second at most; return the number of settled ones, and the load."""
    wanted = round(rate * seconds)
    chosen = list(islice(numbers, wanted))
    prefix = scene.stage.folder / "flags"
    flags = scene.bank.flags(port, chosen, amount=scene.bills.amount, threads=THREADS)
    write_requests(prefix, flags)
    settled, kept = (scene.stage.count(database, each) for each in (_SETTLED, _KEPT))
    load = send_prepared(port, prefix, seconds=seconds, expected=SETTLED)
    kept = wait_until_quiet(scene.stage, database) - kept
    if kept < load.answered:
        raise BenchError(f"{load.answered} answers, but only {kept} messages are kept")
    return scene.stage.count(database, _SETTLED) - settled, load


def wait_until_quiet(stage: Stage, database: str) -> int:
    """Wait until no more messages arrive; return their number."""
    counts = [-1, stage.count(database, _KEPT)]

    def is_quiet() -> bool:
        counts.append(stage.count(database, _KEPT))
        return counts[-1] == counts[-2] == counts[-3]

    if not lifetime.wait_until(is_quiet, timeout_s=SETTLE_S):
        raise BenchError("messages still arrived long after the load")
    return counts[-1]


def check_books(stage: Stage, database: str) -> None:
    """Check the books, and the rows of payments of one bill each. Raises: BenchError."""
    check_settled(stage, database)
    yardstick.check_written(stage.postgres, database, stage.count(database, _SETTLED))


def check_settled(stage: Stage, database: str) -> None:
    """Check the books, and that no message was refused. Raises: BenchError."""
    faults = asyncio.run(_find_faults(stage, database))
    unsettled = stage.count(database, _UNSETTLED)
    if unsettled:
        faults.append(f"{unsettled} messages that are neither settled, repeated nor answered")
    if faults:
        raise BenchError(f"the books do not hold: {'; '.join(faults)}")


async def _find_faults(stage: Stage, database: str) -> list[str]:
    opened = Database(stage.url(database), keyring=stage.keyring("payment"))
    try:
        async with opened.read() as session:
            return await checks.find_faults(session)
    finally:
        await opened.dispose()


def _describe(options: Options, client: str) -> str:
    return (
        f"payment-service in {options.payment_processes} process(es), workers off, {client},"
        f" {options.label}, {REPEATS:.0%} repeats, {options.bills:,} open bills, fsync on,"
        f" settled payments counted in the database; yardstick: {yardstick.HOW}, {options.label}"
    )
