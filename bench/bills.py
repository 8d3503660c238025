"""Seed any number of open bills: the service issues one, and the others are copies of it.

The bills of an order are copies too, each of a member of its own.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy.ext.asyncio import AsyncSession

from bench.copies import Copied, multiply
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.bills import service as bills
from payment_service.bills.models import Bill, BillLine
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis, Offer
from payment_service.orders import service as order_service
from payment_service.orders.models import Order
from payment_service.settings import Settings
from payment_service.virtual_accounts.models import VirtualAccount
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.events.catalogue import AttributionPeriod
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from sandbox.vault import BankSecrets
from snap_bi.profiles import GENERIC_HMAC, ReplayAnswer
from snap_bi.virtual_account import build_customer_no

COMPANY_CODE = "77777"
ISSUED_BEFORE = 1_000
"""Serial numbers below this belong to bills that the service issued itself."""
BILLS_OF_ORDER = 100
PLAIN_NUMBER = 10 ** (GENERIC_HMAC.customer_no_length - 1)


@dataclass(frozen=True, slots=True)
class OpenBills:
    """The seeded bills, with the id of their bank partner. amount: rupiah per bill.

    count: orders of one bill, at places from 0. orders: those of `BILLS_OF_ORDER`, at the places
    after them.
    """

    partner_id: UUID
    count: int
    amount: int
    orders: int = 0


def build_account_number(place: int) -> str:
    """Return the customer number of a bill by its place from 0, as the service builds it."""
    return build_customer_no(ISSUED_BEFORE + place, GENERIC_HMAC)


def build_plain_number(place: int) -> str:
    """Return a number of the same length without a check digit, so that SQL can compute it."""
    return str(PLAIN_NUMBER + 10 * place)


async def seed(
    url: str,
    keyring: Keyring,
    *,
    bank: BankSecrets,
    public_key: rsa.RSAPublicKey,
    count: int,
    orders: int = 0,
    plain: bool = False,
) -> OpenBills:
    """Register one bank partner and issue `count` open bills of three programmes.

    url: an empty migrated database, as its owner. orders: orders of many bills beside them. plain:
    number accounts by `build_plain_number`. Accounts are shuffled, because payments do not arrive
    in the order of bills.
    """
    database = Database(url, keyring=keyring)
    try:
        async with database.begin() as session:
            partner = build_partner(bank, public_key)
            session.add(partner)
            await session.flush()
            bill = await _issue(session)
        number = build_plain_number if plain else build_account_number
        await _copy(url, keyring, bill, _Places(0, count, 1), number)
        if orders:
            async with database.begin() as session:
                first = await _issue(session)
            places = _Places(count, orders, BILLS_OF_ORDER)
            await _copy(url, keyring, first, places, number)
    finally:
        await database.dispose()
    return OpenBills(partner.id, count, bill.amount, orders)


@dataclass(frozen=True, slots=True)
class _Places:
    """The places of orders: how many from which on, and of how many bills each."""

    first: int
    count: int
    size: int


async def _issue(session: AsyncSession) -> BillOut:
    basis = _build_basis()
    asked = NewBill(member_id=basis.member_id, first_month=Month.of(clock.today()), month_count=1)
    issued = await order_service.issue_bill(
        session, asked, basis, by=new_id(), settings=Settings.model_construct()
    )
    return await bills.read(session, issued.bills[0])


async def _copy(
    url: str, keyring: Keyring, first: BillOut, places: _Places, number: Callable[[int], str]
) -> None:
    shuffled = list(range(places.first, places.first + places.count))
    random.Random(places.count).shuffle(shuffled)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_COPIES)
        await connection.copy_records_to_table(
            "wanted", records=((row, number(place)) for row, place in enumerate(shuffled))
        )
        await connection.execute(_NAME_COPIES.format(size=places.size))
        await multiply(connection, _copied(first, places), keyring=keyring)
    finally:
        await connection.close()


_COPIES = "CREATE TEMP TABLE wanted (row bigint, customer_no text)"
_NAME_COPIES = """
    CREATE TEMP TABLE copies AS
    SELECT row * {size} + place AS row, customer_no, order_id,
           uuidv7() AS bill_id, uuidv7() AS member_id
    FROM (SELECT row, customer_no, uuidv7() AS order_id FROM wanted) AS named
    CROSS JOIN generate_series(0, {size} - 1) AS place
    ORDER BY row * {size} + place
"""


def _copied(first: BillOut, places: _Places) -> tuple[Copied, ...]:
    size = places.size
    return (
        Copied(
            Order,
            "id",
            first.order_id,
            {
                "id": "copies.order_id",
                "bill_count": f"{size}",
                "amount": f"template.amount * {size}",
            },
            every=size,
        ),
        Copied(
            Bill,
            "id",
            first.id,
            {
                "id": "copies.bill_id",
                "order_id": "copies.order_id",
                "member_id": "copies.member_id",
            },
        ),
        Copied(BillLine, "bill_id", first.id, {"bill_id": "copies.bill_id"}),
        Copied(
            VirtualAccount,
            "order_id",
            first.order_id,
            {
                "order_id": "copies.order_id",
                "customer_no": "copies.customer_no",
                "number": f"'{COMPANY_CODE}' || copies.customer_no",
            },
            every=size,
        ),
        Copied(
            EventRow,
            "data ->> 'bill_id'",
            first.id,
            {
                "id": "uuidv7()",
                "subject": "copies.member_id::text",
                "data": "template.data || jsonb_build_object('bill_id', copies.bill_id,"
                " 'order_id', copies.order_id, 'member_id', copies.member_id)",
            },
            without=("seq",),
        ),
    )


def build_partner(bank: BankSecrets, public_key: rsa.RSAPublicKey) -> BankPartner:
    """Return a bank partner that is active."""
    now = clock.now()
    pem = public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return BankPartner(
        id=new_id(),
        name="Bank of the bench",
        profile=GENERIC_HMAC.name,
        status=PartnerStatus.ACTIVE,
        company_code=COMPANY_CODE,
        bank_code="999",
        client_id=bank.client_id,
        client_secret=bank.client_secret,
        public_key_pem=pem.decode(),
        allowed_sources=[],
        replay_answer=ReplayAnswer.STORED_SUCCESS,
        created_at=now,
        created_by=new_id(),
        status_changed_at=now,
        status_changed_by=new_id(),
        changed_at=now,
        changed_by=[new_id()],
        version=1,
    )


def _build_basis() -> ContributionBasis:
    return ContributionBasis(
        member_id=new_id(),
        display_name="Siti Aminah",
        sector=Sector.OTHER,
        declared_income=1_000_000,
        programmes=frozenset(Programme),
        employs_others=False,
        payer=Payer.SELF,
        attribution_no=1,
        periods=(
            AttributionPeriod(
                from_date=clock.today(), branch_code="BWI", region_code="JTM", agent_sees=False
            ),
        ),
        registration=None,
        settled_since=None,
        offers=(
            Offer(
                months=(Month.of(clock.today()),),
                pay_before=clock.now() + timedelta(days=31),
                opens_registration=True,
                paid_earlier=(),
            ),
        ),
        declaration_needed=False,
        not_billable=None,
    )
