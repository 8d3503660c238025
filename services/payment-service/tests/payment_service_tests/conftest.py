"""What the tests of this service share: its app, banks, and money to test with."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from payment_service_tests.beginnings import Live, Lived, close_in_time
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.rules import Share
from payment_service.app import app_of
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.orders import service as orders
from payment_service.payments import service as payments
from payment_service.payments.models import Payment
from payment_service.payments.rules import Notice, Settlement
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from payment_service.testing import Bank, insert_messages, make_offer
from payment_service.testing_closings import find_faults
from payment_service.testing_commissions import Village, apply_all, read_until
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.events.catalogue import AttributionPeriod
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
NAME = "Siti Aminah"
BANK_CODES = count(1)
"""Each partner is of another bank, since a bank gives a company code once."""
LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def shared_urls(databases: Databases) -> Urls:
    return databases.shared("payment")


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


def make_period(**differences: Any) -> AttributionPeriod:
    """Build who cares for a member since long: an agent of Banyuwangi."""
    usual = {
        "from_date": LONG_AGO.date(),
        "agent_id": new_id(),
        "wadah_id": new_id(),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "agent_sees": True,
    }
    return AttributionPeriod.model_validate({**usual, **differences})


MakeBasis = Callable[..., ContributionBasis]
MakePartner = Callable[..., Awaitable[BankPartner]]
IssueBill = Callable[..., Awaitable[BillOut]]
MakeNotice = Callable[..., Notice]


@pytest.fixture
def make_basis() -> MakeBasis:
    """Build what member-service would say of a fisher with the least income.

    The fisher has been registered for long; this month is the first unpaid one.
    """

    def make(**differences: Any) -> ContributionBasis:
        usual: dict[str, Any] = {
            "member_id": new_id(),
            "display_name": NAME,
            "sector": Sector.OTHER,
            "declared_income": 1_000_000,
            "programmes": frozenset(Programme),
            "employs_others": False,
            "payer": Payer.SELF,
            "attribution_no": 1,
            "periods": [make_period()],
            "registration": {"covers_from": LONG_AGO},
            "settled_since": LONG_AGO,
            "offers": [make_offer(Month.of(clock.today()))],
            "declaration_needed": False,
            "not_billable": None,
        }
        return ContributionBasis(**{**usual, **differences})

    return make


@pytest.fixture
def make_partner() -> MakePartner:
    """Store a bank that takes payments."""

    async def make(session: AsyncSession, **differences: Any) -> BankPartner:
        now = clock.now()
        usual: dict[str, Any] = {
            "id": new_id(),
            "name": "Bank Uji",
            "profile": "generic-hmac",
            "status": PartnerStatus.ACTIVE,
            "company_code": "88001",
            "bank_code": f"{next(BANK_CODES) % 1000:03}",
            "client_id": str(new_id()),
            "client_secret": "not used here",
            "public_key_pem": "not used here",
            "allowed_sources": [],
            "created_at": now,
            "created_by": new_id(),
            "status_changed_at": now,
            "status_changed_by": new_id(),
            "changed_at": now,
            "changed_by": [new_id()],
            "version": 1,
        }
        partner = BankPartner(**{**usual, **differences})
        session.add(partner)
        await session.flush()
        return partner

    return make


@pytest.fixture
def issue_bill(settings: Settings, make_basis: MakeBasis, make_partner: MakePartner) -> IssueBill:
    """Issue a bill for the present month at one bank, or as the differences say."""

    async def issue(
        session: AsyncSession,
        *,
        first_month: Month | None = None,
        month_count: int = 1,
        basis: ContributionBasis | None = None,
        **differences: Any,
    ) -> BillOut:
        if not await session.scalar(select(func.count()).select_from(BankPartner)):
            await make_partner(session)
        basis = basis or make_basis(**differences)
        asked = NewBill(
            member_id=basis.member_id,
            first_month=first_month or Month.of(clock.today()),
            month_count=month_count,
        )
        issued = await orders.issue_bill(session, asked, basis, by=new_id(), settings=settings)
        return await bills.read(session, issued.bills[0])

    return issue


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
async def snap_client(
    make_app: MakeApp, database: Database, wire: Wire
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app that looks at its bank partners every time."""
    async with open_app_client(make_app(database=database, wire=wire, partner_cache_s=0)) as client:
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
async def bank(make_bank: MakeBank) -> Bank:
    return await make_bank()


@pytest.fixture
async def bill(bank: Bank, session: AsyncSession, issue_bill: IssueBill) -> BillOut:
    """A bill that can be paid at the bank."""
    return await issue_bill(session)


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
    """Close a month in the middle of the next, everything read, two statements at a time."""
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
