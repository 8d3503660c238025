"""A world of three hundred members: what the books say of it, and what the services do with it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from stage import books

from bench.bank import Bank
from bench.world import build
from bench.world.bank import ModelBank
from bench.world.lives import NAMES
from bench.world.load import load_table
from bench.world.plan import Plan
from member_service import app as member_app
from member_service import tables as member_tables
from member_service import worker as member_worker
from member_service.settings import Settings as MemberSettings
from payment_service import app as payment_app
from payment_service import tables as payment_tables
from payment_service.settings import Settings as PaymentSettings
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.app import create_kit
from perisai_kit.testing.feeds import deliver
from perisai_kit.testing.plugin import Databases, Tokens, Urls, Wire, open_app_client
from sandbox.vault import BankSecrets

# Making the world takes half a minute of processor time, and no product code depends on it.
pytestmark = pytest.mark.soak
PLAN = Plan(members=30, agents=2, long=3, months=8, copies=10, branches=3)
BANK = BankSecrets(
    client_id="bench", client_secret="bench", outbound_client_id="", outbound_client_secret=""
)


@dataclass(frozen=True)
class World:
    urls: dict[str, Urls]
    bank: Bank


@pytest.fixture(scope="module")
async def world(
    databases: Databases, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    urls = {name: databases.clone(name) for name in NAMES}
    stores = build.make_stores(
        {name: each.owner for name, each in urls.items()}, dict.fromkeys(NAMES, keyring)
    )
    bank = Bank(BANK)
    clock_file = tmp_path_factory.mktemp("world") / "clock.json"
    await build.live_models(PLAN, stores, bank, clock_file=clock_file)
    tables = await build.read_models(PLAN, stores, BANK.client_id)
    for table in tables:
        await load_table(table, build.make_scale(PLAN))
    await build.finish(PLAN, stores, tables)
    yield World(urls, bank)
    for each in urls.values():
        databases.drop(each)


@dataclass(frozen=True)
class Services:
    """member- and payment-service on the world, and their databases."""

    member: httpx.AsyncClient
    payment: httpx.AsyncClient
    databases: dict[str, Database]
    settings: MemberSettings


@pytest.fixture
async def services(
    world: World, make_settings: Callable[..., Any], wire: Wire
) -> AsyncIterator[Services]:
    urls = world.urls
    near = {"agent_url": "http://agent", "member_url": "http://member"}
    of_member = make_settings(
        MemberSettings, urls["member"], agent_url="http://agent", payment_url="http://payment"
    )
    of_payment = make_settings(PaymentSettings, urls["payment"], **near)
    kits = {
        "member": create_kit(of_member, migrations=member_tables.MIGRATIONS, http_transport=wire),
        "payment": create_kit(
            of_payment, migrations=payment_tables.MIGRATIONS, http_transport=wire
        ),
    }
    members = member_app.app_of(kits["member"], of_member)
    wire.mount("member", members)
    payments = payment_app.app_of(kits["payment"], of_payment)
    databases = {name: kit.database for name, kit in kits.items()}
    async with open_app_client(members) as member, open_app_client(payments) as payment:
        yield Services(member, payment, databases, of_member)


async def ask(world: World, name: str, question: str, *args: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(world.urls[name].owner)
    try:
        found: list[asyncpg.Record] = await connection.fetch(question, *args)
    finally:
        await connection.close()
    return found


async def test_every_check_of_the_books_holds(world: World) -> None:
    assert await books.find_faults({name: each.owner for name, each in world.urls.items()}) == []


async def test_every_event_has_been_read_and_every_commission_is_computed(world: World) -> None:
    assert await books.unread({name: each.owner for name, each in world.urls.items()}) == []


async def test_there_are_as_many_members_agents_and_branches_as_planned(world: World) -> None:
    counts = await ask(
        world,
        "agent",
        "SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM wadahs),"
        " (SELECT count(*) FROM branches)",
    )
    members = await ask(world, "member", "SELECT count(*), count(DISTINCT nik_hash) FROM members")
    assert tuple(counts[0]) == (20, 10, 3)
    assert tuple(members[0]) == (300, 300)


async def test_the_last_month_that_is_over_is_open_with_a_settled_month_for_each_member(
    world: World,
) -> None:
    (found,) = await ask(
        world,
        "payment",
        "SELECT count(DISTINCT (allocation_id, contribution_month)) AS settled, booked_month,"
        " closed_through FROM commission_lines, commission_watermark"
        " WHERE booked_month > closed_through GROUP BY 2, 3 ORDER BY 2 LIMIT 1",
    )
    assert found["booked_month"] == str(Month.parse(found["closed_through"]).plus(1))
    assert found["settled"] >= PLAN.size


async def test_an_agent_reads_members_coverage_bills_and_payments(
    world: World, services: Services, tokens: Tokens
) -> None:
    agent = await sign_in_an_agent(world, tokens)
    members = await get(services.member, "/v1/members", agent, limit=50)
    present = str(Month.of(clock.today()))
    member = next(each for each in members["items"] if each["paid_through"] >= present)
    read = await get(services.member, f"/v1/members/{member['id']}", agent)
    covered = await get(services.member, f"/v1/members/{member['id']}/coverage", agent)
    bills = await get(services.payment, "/v1/bills", agent, member_id=member["id"])
    payments = await get(services.payment, "/v1/payments", agent, member_id=member["id"])
    paid = [each for each in bills["items"] if each["status"] == "paid"]

    assert 10 <= len(members["items"]) <= 15
    assert read["id"] == member["id"]
    assert covered["cover"] == "covered"
    assert len(paid) == len(payments["items"]) > 0


async def test_an_agent_reads_a_statement_and_its_lines(
    world: World, services: Services, tokens: Tokens
) -> None:
    agent = await sign_in_an_agent(world, tokens)
    statements = await get(services.payment, "/v1/statements", agent)
    latest = statements["items"][0]
    lines = await get(services.payment, f"/v1/statements/{latest['id']}/lines", agent, limit=200)
    assert latest["line_count"] == len(lines["items"]) > 0


async def test_a_copied_member_is_found_by_the_own_nik_and_named_alike_everywhere(
    world: World, services: Services, keyring: Keyring
) -> None:
    (row,) = await ask(world, "member", "SELECT * FROM members ORDER BY id DESC LIMIT 1")
    members, bills = (member_tables.members.Member, payment_tables.bills.Bill)
    nik = members.nik.unseal(keyring, (row["id"],), row["nik"])
    name = members.full_name.unseal(keyring, (row["id"],), row["full_name"])
    (bill,) = await ask(
        world, "payment", "SELECT * FROM bills WHERE member_id = $1 ORDER BY id LIMIT 1", row["id"]
    )
    assert keyring.lookup("nik", nik) == row["nik_hash"]
    assert bills.display_name.unseal(keyring, (bill["id"],), bill["display_name"]) == name


async def test_a_repeat_of_a_copied_payment_is_answered_as_the_first_time(
    world: World, services: Services, keyring: Keyring
) -> None:
    callbacks = payment_tables.callbacks.Callback
    (kept,) = await ask(
        world,
        "payment",
        "SELECT id, body FROM callbacks WHERE verdict = 'settled' ORDER BY id DESC LIMIT 1",
    )
    body = callbacks.body.unseal(keyring, (kept["id"],), kept["body"])
    bank = await open_bank(world, services, keyring)
    await bank.send_payment(body)
    await bank.close()
    (repeated,) = await ask(
        world, "payment", "SELECT first_id FROM callbacks WHERE verdict = 'repeated'"
    )
    assert repeated["first_id"] == kept["id"]


async def test_a_copied_member_is_billed_and_paid_on(
    world: World, services: Services, tokens: Tokens, keyring: Keyring
) -> None:
    agent = await sign_in_an_agent(world, tokens)
    members = await get(services.member, "/v1/members", agent, limit=50)
    due = Month.of(clock.today()).plus(1)
    member = next(each for each in members["items"] if each["paid_through"] == str(due.plus(-1)))
    asked = {"member_id": member["id"], "first_month": str(due), "month_count": 1}
    issued = await services.payment.post(
        "/v1/bills", json=asked, headers={**agent, "Idempotency-Key": str(new_id())}
    )
    assert issued.status_code == 201, issued.text
    bill = issued.json()

    bank = await open_bank(world, services, keyring)
    number = bill["virtual_accounts"][0]["customer_no"]
    await bank.pay(number, bill["amount"], name="Siti Aminah")
    await bank.close()
    await deliver_payments(services)

    read = await get(services.member, f"/v1/members/{member['id']}", agent)
    assert read["paid_through"] == str(due)


async def sign_in_an_agent(world: World, tokens: Tokens) -> dict[str, str]:
    """Return the headers of an agent who has members."""
    (agent,) = await ask(world, "agent", "SELECT * FROM agents ORDER BY id DESC LIMIT 1")
    scope = Scope(ScopeKind.BRANCH, agent["branch_code"], agent["region_code"])
    return tokens.make(
        Role.AGENT,
        agent_id=agent["id"],
        wadah_id=agent["wadah_id"],
        account_id=agent["account_id"],
        scope=scope,
    )


async def get(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], **params: str | int | UUID
) -> Any:
    answer = await client.get(path, headers=headers, params={k: str(v) for k, v in params.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def open_bank(world: World, services: Services, keyring: Keyring) -> ModelBank:
    bank = ModelBank(services.databases["payment"], keyring, world.bank)
    await bank.sign_in()
    return bank


async def deliver_payments(services: Services) -> None:
    """Let member-service read what was paid."""
    payment, member = services.databases["payment"], services.databases["member"]
    feed = LocalFeed(payment, source="payment", signals=Signals())
    readers = member_worker.subscriptions(
        agents=feed, payments=feed, terms=services.settings.terms, poll_s=0
    )
    (reader,) = (each for each in readers if each.name == "payments")
    await deliver(reader, to=member, source=payment)
