"""What the tests of this service share: its app, banks, and money to test with."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from payment_service_tests import banking
from payment_service_tests.banking import Banking, Billed, Joined
from payment_service_tests.beginnings import Live, Lived, close_in_time
from payment_service_tests.month_closing import find_faults
from payment_service_tests.partner_bank import Bank, insert_messages
from payment_service_tests.plans import fill
from payment_service_tests.village import Village, apply_all, read_until
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.rules import Share
from payment_service.app import app_of
from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.orders import service as orders
from payment_service.payments import service as payments
from payment_service.payments.models import Payment
from payment_service.payments.rules import Notice, Settlement
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.services.app import create_kit
from perisai_kit.testing.plugin import (
    Begun,
    BusinessTime,
    Databases,
    MakeApp,
    Step,
    Urls,
    Wire,
    open_app_client,
)

MEMBER_URL, AGENT_URL = "http://member", "http://agent"


@pytest.fixture(scope="session")
def shared_urls(databases: Databases) -> Urls:
    return databases.shared("payment")


@pytest.fixture(scope="session")
async def filled_urls(
    databases: Databases, pools: Callable[[Urls], Database]
) -> AsyncIterator[Urls]:
    """The database of `filled`, as its owner sees it."""
    urls = databases.clone("payment")
    owner = replace(urls, app=urls.owner)
    async with pools(owner).begin() as session:
        await fill(session)
    yield owner
    databases.drop(urls)


@pytest.fixture
async def filled(
    filled_urls: Urls, pools: Callable[[Urls], Database]
) -> AsyncIterator[AsyncSession]:
    """Read a database of many thousand bills and payments, filled once for all tests."""
    async with pools(filled_urls).read() as session:
        yield session


@pytest.fixture(scope="session")
def settings(make_settings: Callable[..., Settings], shared_urls: Urls) -> Settings:
    return make_settings(Settings, shared_urls, member_url=MEMBER_URL, agent_url=AGENT_URL)


@pytest.fixture
def make_app(make_settings: Callable[..., Settings], shared_urls: Urls) -> MakeApp:
    """Build the app: on the test's own transaction, or with `urls` on a database of its own.

    has_network: whether banks are called over the network, and not over the wire.
    """

    def make(
        *,
        database: Database | None = None,
        wire: Wire | None = None,
        urls: Urls | None = None,
        has_network: bool = False,
        **more: Any,
    ) -> FastAPI:
        urls = urls or shared_urls
        settings = make_settings(Settings, urls, member_url=MEMBER_URL, agent_url=AGENT_URL, **more)
        kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
        if database is not None:
            kit.database = database
        if has_network:
            kit.http_transport = None  # keys still come over the wire
        return app_of(kit, settings)

    return make


MakeBasis = Callable[..., ContributionBasis]
MakePartner = Callable[..., Awaitable[BankPartner]]
IssueBill = Callable[..., Awaitable[BillOut]]
MakeNotice = Callable[..., Notice]


@pytest.fixture
def make_basis() -> MakeBasis:
    """Build what member-service would say of a fisher with the least income."""
    return banking.make_basis


@pytest.fixture
def make_partner() -> MakePartner:
    """Store a bank that takes payments."""
    return banking.make_partner


@pytest.fixture
def issue_bill(settings: Settings) -> IssueBill:
    """Issue a bill for the present month at one bank, or as the differences say."""
    return partial(banking.issue_bill, settings=settings)


@pytest.fixture
def make_notice() -> MakeNotice:
    """Build a bank's word that a bill was paid in full just now."""

    def make(bill: BillOut, **differences: Any) -> Notice:
        now = clock.now()
        usual: dict[str, Any] = {
            "partner_id": bill.virtual_accounts[0].partner_id,
            "payment_request_id": str(new_id()),
            "amount": bill.amount,
            "trx_date_time": now,
            "received_at": now,
            "paid_at": now,
            "channel_code": "6017",
            "reference_no": "00001136962",
        }
        return Notice(**{**usual, **differences})

    return make


Settle = Callable[..., Awaitable[Payment]]


@pytest.fixture
def settle(make_notice: MakeNotice) -> Settle:
    """Book a payment of a bill, as is done once the bill is found payable; changes: a Notice's."""

    async def book(session: AsyncSession, bill: BillOut, **differences: Any) -> Payment:
        run, account = make_executor(session), bill.virtual_accounts[0]
        key = (account.partner_id, account.customer_no)
        order = (await orders.lock_for_payment(run, [key]))[key]
        shares = [Share(each.amount, each) for each in order.bills]
        notice = make_notice(bill, **differences)
        settlement = Settlement(new_id(), new_id(), order.id, notice, shares)
        await execute_together(run, payments.settle_statements([settlement]))
        await insert_messages(session)
        for row in session.identity_map.values():
            if isinstance(row, Bill):
                session.expire(row)  # written past the session's objects
        return await session.get_one(Payment, settlement.payment_id)

    return book


Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
def published() -> Published:
    """Read the events of this transaction, in order: (type, data)."""

    async def read(session: AsyncSession) -> list[tuple[str, dict[str, Any]]]:
        rows = (await session.scalars(select(EventRow).order_by(EventRow.seq))).all()
        return [(row.type, row.data) for row in rows]

    return read


@pytest.fixture
def member_answers(wire: Wire) -> Callable[[ContributionBasis], None]:
    """Let member-service know these members, and nobody else."""
    known: dict[UUID, ContributionBasis] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/contribution-bases":
            asked = [UUID(each) for each in json.loads(request.content)["member_ids"]]
            found = [known[each].model_dump(mode="json") for each in asked if each in known]
            return httpx.Response(200, json={"items": found})
        member_id = UUID(request.url.path.split("/")[3])
        if member_id not in known:
            return httpx.Response(404, json={"code": "member_not_found"})
        return httpx.Response(200, json=known[member_id].model_dump(mode="json"))

    def know(basis: ContributionBasis) -> None:
        known[basis.member_id] = basis
        wire.answer("member", answer)

    return know


@pytest.fixture(scope="session")
def bank_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def bank_key_pem(bank_key: rsa.RSAPrivateKey) -> str:
    public = bank_key.public_key()
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, kind).decode()


MakeBank = Callable[..., Awaitable[Bank]]


@pytest.fixture
def partner_cache_s() -> float:
    """For how long the app of a test knows its bank partners; longer than the test takes.

    Modules whose tests change a partner on the way set it to 0.
    """
    return 60


@pytest.fixture
async def snap_client(
    make_app: MakeApp, database: Database, wire: Wire, partner_cache_s: float
) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(database=database, wire=wire, partner_cache_s=partner_cache_s)
    async with open_app_client(app) as client:
        yield client


@pytest.fixture
def make_bank(
    session: AsyncSession,
    snap_client: httpx.AsyncClient,
    make_partner: MakePartner,
    bank_key: rsa.RSAPrivateKey,
    bank_key_pem: str,
) -> MakeBank:
    """Let a bank join; differences are columns of its partner."""

    async def make(**differences: Any) -> Bank:
        client_secret = secrets.token_urlsafe(48)
        partner = await make_partner(
            session, client_secret=client_secret, public_key_pem=bank_key_pem, **differences
        )
        return Bank(snap_client, partner, bank_key, client_secret)

    return make


@pytest.fixture
def beginning(
    request: pytest.FixtureRequest, settings: Settings, bank_key_pem: str
) -> Sequence[Step]:
    """The bank that has joined, and the bill, if a test asks for them."""
    joins = Joined(bank_key_pem)
    if "billed" in request.fixturenames:
        return [joins, Billed(settings)]
    return [joins] if "joined" in request.fixturenames else []


@pytest.fixture
def joined(made: Banking) -> Banking:
    return made


@pytest.fixture
async def bank(
    joined: Banking,
    session: AsyncSession,
    snap_client: httpx.AsyncClient,
    bank_key: rsa.RSAPrivateKey,
) -> Bank:
    partner = await session.get_one(BankPartner, joined.partner_id)
    return Bank(snap_client, partner, bank_key, joined.client_secret)


@pytest.fixture
def billed(joined: Banking) -> BillOut:
    assert joined.bill is not None
    return joined.bill


@pytest.fixture
def bill(billed: BillOut) -> BillOut:
    """A bill that can be paid at the bank."""
    return billed


Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


@pytest.fixture
def tell(session: AsyncSession) -> Tell:
    """Book and tell what villages' feeds hold, and compute it."""

    async def tell(*villages: Village) -> None:
        await apply_all(session, *villages)

    return tell


@pytest.fixture
def read_all(session: AsyncSession) -> ReadAll:
    """Let the subscriptions have read everything that happened before an instant."""

    async def read_all(until: datetime, *names: str) -> None:
        await read_until(session, until, *(names or SUBSCRIPTIONS))

    return read_all


@pytest.fixture
def close(session: AsyncSession, settings: Settings, business_time: BusinessTime) -> Close:
    """Close a month in the middle of the next, everything read."""
    return partial(close_in_time, session, settings=settings, time=business_time)


@pytest.fixture
def faults() -> Faults:
    """Return what does not hold in the books, but that no bank has made these payments."""
    return find_faults


MakeStep = Callable[[Live], Step]


@pytest.fixture
def make_step(settings: Settings, clock_file: Path) -> MakeStep:
    """Make a step of the beginning of tests, of what villages live through."""
    return partial(Lived, settings=settings, clock_file=clock_file)


@pytest.fixture
def made(begun: Begun) -> Any:
    """What the beginning has made."""
    return begun.made
