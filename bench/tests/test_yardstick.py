"""The SQL of the yardstick keeps fitting the tables, and the copied bills the service's rules."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bench import inquiries, yardstick
from bench.bills import build_account_number, seed
from bench.results import BenchError
from payment_service import checks
from payment_service.orders import service as orders
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import make_executor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls
from sandbox.postgres import Postgres
from sandbox.vault import BankSecrets

OwnDatabase = Callable[[str], Urls]
BANK = BankSecrets(
    client_id="bank", client_secret="s", outbound_client_id="us", outbound_client_secret="s"
)
PARTS = {
    "source": "127.0.0.1",
    "target": "/snap/v1.0/transfer-va/payment",
    "headers": '{"x-partner-id": "bank"}',
    "signed_over": "raw",
    "body": "\\x0102",
    "content_hash": "\\x0102",
    "answer": "\\x0102",
    "event": '{"amount": 1}',
}


@pytest.fixture(scope="module")
def public_key() -> rsa.RSAPublicKey:
    return rsa.generate_private_key(65537, 2048).public_key()


async def test_copied_bills_are_as_good_as_issued_ones(
    own_database: OwnDatabase, keyring: Keyring, public_key: rsa.RSAPublicKey
) -> None:
    urls = own_database("payment")
    opened = await seed(urls.owner, keyring, bank=BANK, public_key=public_key, count=50)

    database = Database(urls.app, keyring=keyring)
    async with database.begin() as session:
        wanted = [(opened.partner_id, build_account_number(place)) for place in range(51)]
        found = await orders.lock_for_payment(make_executor(session), wanted)
        faults = await checks.find_faults(session)
        names = {
            orders.read_shown_name(each, keyring, partner_id=partner_id, customer_no=number)
            for (partner_id, number), each in found.items()
        }
    await database.dispose()

    assert len({each.id for each in found.values()}) == 50
    assert {each.amount for each in found.values()} == {opened.amount}
    assert {len(bill.lines) for each in found.values() for bill in each.bills} == {3}
    assert names == {"Siti Aminah"}
    assert faults == []


async def test_copied_orders_of_many_bills_are_as_good_as_issued_ones(
    own_database: OwnDatabase, keyring: Keyring, public_key: rsa.RSAPublicKey
) -> None:
    urls = own_database("payment")
    opened = await seed(urls.owner, keyring, bank=BANK, public_key=public_key, count=3, orders=2)

    database = Database(urls.app, keyring=keyring)
    async with database.begin() as session:
        wanted = [(opened.partner_id, build_account_number(place)) for place in range(3, 6)]
        found = await orders.lock_for_payment(make_executor(session), wanted)
        faults = await checks.find_faults(session)
    await database.dispose()

    bills = [bill for each in found.values() for bill in each.bills]
    assert [len(each.bills) for each in found.values()] == [100, 100]
    assert {each.amount for each in found.values()} == {100 * opened.amount}
    assert len({bill.member_id for bill in bills}) == 200
    assert faults == []


async def test_the_yardstick_writes_what_a_payment_writes(
    own_database: OwnDatabase, keyring: Keyring, public_key: rsa.RSAPublicKey, postgres: Postgres
) -> None:
    urls = own_database("payment")
    opened = await seed(urls.owner, keyring, bank=BANK, public_key=public_key, count=64, plain=True)

    yardstick.pay(postgres, urls.name, opened, PARTS, transactions=2)

    yardstick.check_written(postgres, urls.name, 64)
    with pytest.raises(BenchError):
        yardstick.check_written(postgres, urls.name, 63)


async def test_the_yardstick_of_inquiries_writes_what_an_inquiry_writes(
    own_database: OwnDatabase, keyring: Keyring, public_key: rsa.RSAPublicKey, postgres: Postgres
) -> None:
    urls = own_database("payment")
    opened = await seed(urls.owner, keyring, bank=BANK, public_key=public_key, count=3, plain=True)

    said = yardstick.run_pgbench(
        postgres,
        urls.name,
        opened,
        {**PARTS, "bills": str(opened.count)},
        ["-t", "2"],
        script=inquiries.SCRIPT,
    )

    yardstick.check_written(postgres, urls.name, said.done, written=inquiries.WRITTEN)
    assert said.done == 64
    with pytest.raises(BenchError):
        yardstick.check_written(postgres, urls.name, 63, written=inquiries.WRITTEN)


async def test_a_yardstick_without_bills_fails(
    own_database: OwnDatabase, keyring: Keyring, public_key: rsa.RSAPublicKey, postgres: Postgres
) -> None:
    urls = own_database("payment")
    opened = await seed(urls.owner, keyring, bank=BANK, public_key=public_key, count=32, plain=True)

    with pytest.raises(BenchError):
        yardstick.pay(postgres, urls.name, opened, PARTS, transactions=2)
