"""The whole service with PgBouncer in transaction mode between it and PostgreSQL."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy import func, select, text

from payment_service.banks.models import BankPartner
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.payments.models import Payment
from payment_service.payout_sending.service import SEND
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.connections import DIRECT_SETTINGS
from perisai_kit.db.engine import Database
from perisai_kit.db.lease import take_lease
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.jobs.queue import Payload, count_jobs, enqueue
from perisai_kit.jobs.runner import JobRunner
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import MakeApp, Tokens, Urls, Wire, open_app_client

pytestmark = pytest.mark.soak

MANY = 40


@dataclass(frozen=True)
class Pooled:
    client: httpx.AsyncClient
    database: Database
    bank: Bank


@pytest.fixture
async def pooled(
    *,
    own_database: Callable[[str], Urls],
    pgbouncer: Any,
    keyring: Keyring,
    make_app: MakeApp,
    make_partner: Callable[..., Awaitable[BankPartner]],
    wire: Wire,
    bank_key: RSAPrivateKey,
    bank_key_pem: str,
) -> AsyncIterator[Pooled]:
    """The app and its worker over the pool, and a bank that knows its address."""
    urls = own_database("payment")
    pool_url = pgbouncer.pooled(urls.app)
    database = Database(pool_url, keyring=keyring, pooled=True, direct_url=urls.app)
    client_secret = secrets.token_urlsafe(48)
    async with database.begin() as session:
        partner = await make_partner(
            session, client_secret=client_secret, public_key_pem=bank_key_pem
        )
    app = make_app(
        urls=replace(urls, app=pool_url),
        wire=wire,
        database_pooled=True,
        direct_database_url=urls.app,
        run_worker=True,
    )
    async with open_app_client(app) as client:
        yield Pooled(client, database, Bank(client, partner, bank_key, client_secret))
    await database.dispose()


async def test_signed_payments_are_settled_numbered_and_counted(
    pooled: Pooled, issue_bill: Callable[..., Awaitable[BillOut]], tokens: Tokens
) -> None:
    bank = pooled.bank
    async with pooled.database.begin() as session:
        bills = [await issue_bill(session) for _ in range(MANY)]

    answers = await asyncio.gather(*(bank.pay(payment_of(bill, bank.partner)) for bill in bills))
    repeated = await bank.pay(payment_of(bills[0], bank.partner))

    assert {answer.json()["responseCode"] for answer in answers} == {"2002500"}
    assert repeated.json()["responseCode"] in {"2002500", "4042514", "4042518"}
    async with asyncio.timeout(60):
        while await waiting(pooled.client, tokens):  # noqa: ASYNC110 - the effect is a row
            await asyncio.sleep(0.1)
    async with pooled.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Payment)) == MANY
        unnumbered = "SELECT count(*) - (SELECT count(*) FROM event_positions) FROM events"
        assert await session.scalar(text(unnumbered)) == 0


async def waiting(client: httpx.AsyncClient, tokens: Tokens) -> bool:
    """Tell whether the subscription to the service's own events has not read all of them yet.

    A bill and its payment are two events.
    """
    status = (await client.get("/v1/status", headers=tokens.service())).json()["subscriptions"]
    own = next(each for each in status if each["name"] == "commissions.payments")
    return bool(own["position"] < 2 * MANY)


async def test_many_requests_read_and_write_over_few_server_connections(
    pooled: Pooled, tokens: Tokens
) -> None:
    headers = tokens.make(
        Role.ADMIN, Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}, amr=("pwd", "otp")
    )

    answers = await asyncio.gather(
        *(pooled.client.get("/v1/bank-partners", headers=headers) for _ in range(MANY)),
        *(pooled.client.get("/v1/ledger/accounts", headers=headers) for _ in range(MANY)),
        *(pooled.client.get("/ready") for _ in range(MANY)),
    )

    assert {answer.status_code for answer in answers} == {200}


async def test_a_repeated_request_gets_the_first_answer(
    pooled: Pooled,
    make_basis: Callable[..., ContributionBasis],
    member_answers: Callable[[ContributionBasis], None],
    tokens: Tokens,
) -> None:
    basis = make_basis()
    member_answers(basis)
    headers = {**tokens.make(Role.ADMIN), "Idempotency-Key": str(new_id())}
    asked = {
        "member_id": str(basis.member_id),
        "first_month": f"{clock.today():%Y-%m}",
        "month_count": 1,
    }

    first = await pooled.client.post("/v1/bills", json=asked, headers=headers)
    second = await pooled.client.post("/v1/bills", json=asked, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201), first.text
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_two_processes_take_turns_with_a_lease(pooled: Pooled) -> None:
    first = await take_lease(pooled.database, "work", length_s=60)
    second = await take_lease(pooled.database, "work", length_s=60)

    assert first is not None
    assert second is None
    assert await first.run(lambda database: count_in(database)) == 1
    assert await take_lease(pooled.database, "work", length_s=60) is not None


async def test_jobs_are_ordered_over_the_pool_and_run_over_the_direct_address(
    pooled: Pooled,
) -> None:
    """The worker listens, which a pool in transaction mode cannot carry."""
    payloads = [{"transfer_id": str(new_id())} for _ in range(MANY)]

    async def order(payload: Mapping[str, str]) -> bool:
        async with pooled.database.begin() as session:
            return await enqueue(session, SEND, payload, dedupe_key=payload["transfer_id"])

    async with pooled.database.begin() as session:
        await enqueue(session, SEND, payloads[0], dedupe_key="undone")
        await session.rollback()
    ordered = await asyncio.gather(*map(order, payloads), *map(order, payloads))
    async with asyncio.timeout(60):
        while await count_jobs_of(pooled.database):  # noqa: ASYNC110 - the effect is a row
            await asyncio.sleep(0.1)

    async with pooled.database.read() as session:
        done = "SELECT count(DISTINCT job_id) FROM pgqueuer_log WHERE status = 'successful'"
        assert await session.scalar(text(done)) == sum(ordered)
    assert sum(ordered) >= MANY


async def test_a_worker_with_nothing_to_do_is_woken_by_a_job_ordered_over_the_pool(
    own_database: Callable[[str], Urls], pgbouncer: Any, keyring: Keyring
) -> None:
    """It looks for jobs once an hour, so only a notification wakes it for the second one."""
    urls = own_database("payment")
    database = Database(
        pgbouncer.pooled(urls.app), keyring=keyring, pooled=True, direct_url=urls.app
    )
    done: asyncio.Queue[str | int] = asyncio.Queue()

    async def do(_: Database, payload: Payload) -> None:
        await done.put(payload["number"])

    async def order(number: int) -> None:
        async with database.begin() as session:
            await enqueue(session, "test.do", {"number": number}, dedupe_key=str(number))

    worker = asyncio.create_task(JobRunner({"test.do": do}, poll_s=3600).run(database))
    async with asyncio.timeout(60):
        await order(1)
        assert await done.get() == 1
        await wait_until_idle(database)
        await order(2)
        assert await done.get() == 2
    worker.cancel()
    await asyncio.wait([worker])
    await database.dispose()


async def wait_until_idle(database: Database) -> None:
    """Wait until the connection of the job queue has asked nothing for a second."""
    busy = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
        " AND datname = current_database()"
        " AND (state <> 'idle' OR state_change > now() - interval '1 second')"
    )
    while True:
        async with database.read() as session:
            if not await session.scalar(busy, {"name": DIRECT_SETTINGS["application_name"]}):
                return
        await asyncio.sleep(0.1)


async def count_jobs_of(database: Database) -> int:
    async with database.read() as session:
        return sum((await count_jobs(session)).values())


async def count_in(database: Database) -> int:
    async with database.begin() as session:
        return int(await session.scalar(select(1)) or 0)


async def test_json_dates_arrays_and_ids_are_read_as_ever(pooled: Pooled) -> None:
    wanted = new_id()
    asked = text(
        "SELECT CAST(:data AS jsonb), now()::date, ARRAY['a', 'b'], CAST(:id AS uuid), 1::bigint"
    )

    async def ask() -> Any:
        async with pooled.database.read() as session:
            return (await session.execute(asked, {"data": "{}", "id": str(wanted)})).one()

    rows = await asyncio.gather(*(ask() for _ in range(MANY)))

    assert {(tuple(row[2]), row[3], row[4]) for row in rows} == {(("a", "b"), wanted, 1)}
