"""Build a world: the models' lives in migrated databases, and the copies of them."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent_service.base import Base as AgentBase
from bench.bank import Bank
from bench.results import BenchError
from bench.world import load
from bench.world.bank import ModelBank
from bench.world.lives import NAMES, Lives
from bench.world.load import Store, Table
from bench.world.office import ADMIN, OFFICER, PAYMENT
from bench.world.plan import Plan
from bench.world.rows import Scale
from member_service.base import Base as MemberBase
from payment_service.base import Base as PaymentBase
from payment_service.ledger import tasks as ledger
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring

BASES: Mapping[str, Any] = {"agent": AgentBase, "member": MemberBase, "payment": PaymentBase}
PROCESSES = 3
"""Two cores: while one process waits for PostgreSQL, another one encrypts."""
Say = Callable[[str], None]


def multiply(plan: Plan, stores: Sequence[Store], client_id: str, *, say: Say) -> None:
    """Put the copies in the place of the models, who have lived in these databases."""
    began = time.monotonic()
    tables = asyncio.run(read_models(plan, stores, client_id))
    _load_in_processes(tables, plan, say)
    say(f"the copies are loaded after {time.monotonic() - began:.0f} s")
    asyncio.run(finish(plan, stores, tables))
    say(f"and finished after {time.monotonic() - began:.0f} s")


def make_stores(urls: Mapping[str, str], keyrings: Mapping[str, Keyring]) -> list[Store]:
    return [Store(name, urls[name], BASES[name], keyrings[name]) for name in NAMES]


async def live_models(plan: Plan, stores: Sequence[Store], bank: Bank, *, clock_file: Path) -> None:
    """Let the models live in empty migrated databases."""
    keyrings = {each.name: each.keyring for each in stores}
    databases = {each.name: Database(each.url, keyring=each.keyring) for each in stores}
    model_bank = ModelBank(databases["payment"], keyrings["payment"], bank)
    try:
        await model_bank.register()
        lives = Lives(plan, databases, keyrings, model_bank, clock_file=clock_file)
        await lives.live()
    finally:
        await model_bank.close()
        for database in databases.values():
            await database.dispose()


async def read_models(plan: Plan, stores: Sequence[Store], client_id: str) -> list[Table]:
    """Return the rows of the models, the largest tables first, with no index left.

    client_id: of the bank.
    """
    staff = (str(each.account_id) for each in (OFFICER, ADMIN, PAYMENT))
    kept = {*staff, client_id, *await load.list_same_ids(stores)}
    models = plan.models(clock.today())
    tables: list[Table] = []
    for store in stores:
        found = await load.read_store(store, models, kept)
        await load.drop_indexes(store, found)
        tables += found
    return sorted(tables, key=lambda each: each.weight, reverse=True)


async def finish(plan: Plan, stores: Sequence[Store], tables: Sequence[Table]) -> None:
    """Make what needs all tables of a database, and let the service store its balances."""

    gate = asyncio.Semaphore(PROCESSES)

    async def finish_one(table: Table) -> None:
        async with gate:
            await load.finish_table(table)

    for store in stores:
        await load.move_on(store, make_scale(plan))
    await asyncio.gather(*map(finish_one, tables))
    (books,) = (each for each in stores if each.name == "payment")
    database = Database(books.url, keyring=books.keyring)
    try:
        await ledger.every_hour(database)
    finally:
        await database.dispose()


def make_scale(plan: Plan) -> Scale:
    return Scale(plan.copies, plan.branches)


def _load_in_processes(tables: Sequence[Table], plan: Plan, say: Say) -> None:
    """Load the tables in forks of this process, which have the keys and the templates already."""
    context = multiprocessing.get_context("fork")
    waiting: Any = context.SimpleQueue()
    for place in range(len(tables)):
        waiting.put(place)
    for _ in range(PROCESSES):
        waiting.put(None)

    def work() -> None:
        while (place := waiting.get()) is not None:
            table, began = tables[place], time.monotonic()
            count = asyncio.run(load.load_table(table, make_scale(plan)))
            seconds = time.monotonic() - began
            say(f"  {table.store.name}.{table.name}: {count:,} rows in {seconds:.0f} s")

    processes = [context.Process(target=work) for _ in range(PROCESSES)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    if any(each.exitcode for each in processes):
        raise BenchError("a process that loads tables has failed")
