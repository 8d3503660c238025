"""However many partitions there are, a payment asks the few that its messages can be in."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import pytest
from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.callbacks import service
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.callbacks.schemas import Message
from payment_service.callbacks.writer import CONNECTION
from payment_service.partitions import CALLBACKS, EXTERNAL_IDS
from payment_service.payments.models import Payment
from perisai_kit.db.partitions.maintain import maintain
from perisai_kit.db.sql import Rows, SqlStatement
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of, new_id
from perisai_kit.privacy.keyring import Keyring

IssueBill = Callable[..., Awaitable[BillOut]]
MakeFlag = Callable[..., Message]
MakeBank = Callable[..., Awaitable[Bank]]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

YEARS = (
    replace(CALLBACKS, ahead=36, kept=None),
    replace(EXTERNAL_IDS, ahead=36, kept=None),
)


class Explained:
    """Runs statements as the writer does, and notes which partitions their plans ask."""

    def __init__(self, connection: Connection) -> None:
        self.asked: list[set[str]] = []
        self._connection = connection

    async def __call__(self, statement: SqlStatement) -> Rows:
        await self.explain(statement.sql, *statement.args)
        rows: Rows = await self._connection.fetch(statement.sql, *statement.args)
        return rows

    async def explain(self, sql: str, *args: object) -> None:
        """Note the partitions in the generic plan of a statement, which is undone."""
        name = f"statement_{len(self.asked)}"
        await self._connection.execute(f"PREPARE {name} AS {sql}")
        values = ", ".join(map(quote, args))
        called = f"EXECUTE {name}({values})" if args else f"EXECUTE {name}"
        undone = self._connection.transaction()
        await undone.start()
        plan = await self._connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {called}")
        await undone.rollback()
        relations = list_relations(json.loads(plan)[0]["Plan"])
        tables = (f"{CALLBACKS.name}_", f"{EXTERNAL_IDS.name}_")
        self.asked.append({each for each in relations if each.startswith(tables)})


def list_relations(plan: dict[str, Any]) -> Iterator[str]:
    if (name := plan.get("Relation Name")) is not None:
        yield name
    for below in plan.get("Plans", ()):
        yield from list_relations(below)


def quote(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        value = "{" + ",".join(map(quote_element, value)) + "}"
    return "'" + to_text(value).replace("'", "''") + "'"


def quote_element(value: object) -> str:
    if value is None:
        return "NULL"
    return '"' + to_text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def to_text(value: object) -> str:
    if isinstance(value, tuple):  # a row, whose empty fields are NULL
        return f"({','.join('' if each is None else quote_element(each) for each in value)})"
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def test_arguments_are_written_as_postgresql_reads_them() -> None:
    assert quote([b"\x01", None, 'a"b\\']) == r"""'{"\\x01",NULL,"a\"b\\"}'"""
    assert quote([(1, None, 'a"')]) == r"""'{"(\"1\",,\"a\\\"\")"}'"""


async def test_a_payment_and_its_repeat_ask_few_of_many_partitions(
    open_town: Callable[..., Awaitable[Any]],
    issue_bill: IssueBill,
    flag: MakeFlag,
    keyring: Keyring,
) -> None:
    town = await open_town()
    bank = town.banks[0]
    await maintain(town.urls.owner, YEARS, clock.real_now())
    async with town.database.begin() as session:
        content = payment_of(await issue_bill(session), bank.partner)
    wrong = content | {"paidAmount": {"value": "1.00", "currency": "IDR"}}
    wrong["paymentRequestId"] = str(new_id())
    connection = await asyncpg.connect(
        town.urls.app, server_settings={**CONNECTION, "timezone": "UTC", "lock_timeout": "0"}
    )
    run = Explained(connection)

    messages = [flag(bank, content), flag(bank, wrong), flag(bank, content), flag(bank, wrong)]
    async with connection.transaction():
        outcomes = await service.take_payments(run, keyring, messages[:2])
        outcomes += await service.take_payments(run, keyring, messages[2:])
        outcomes += await service.take_payments(run, keyring, messages[2:], again=True)
    asked = list(run.asked)
    await run.explain("SELECT id FROM callbacks WHERE request_id = 'x'")
    await connection.close()

    settled, refused, repeated = (
        CallbackOutcome.SETTLED,
        CallbackOutcome.REFUSED,
        CallbackOutcome.REPEATED,
    )
    verdicts = [each.verdict for each in outcomes]
    assert verdicts == [settled, refused, repeated, repeated, repeated, repeated]
    assert max(map(len, asked)) <= 2
    assert len(set().union(*asked)) <= 2
    assert len(run.asked[-1]) > 36  # what a look-up without a bound asks


async def test_pages_of_a_banks_messages_go_on_into_older_partitions(
    make_bank: MakeBank, session: AsyncSession
) -> None:
    bank, now = await make_bank(), clock.real_now()
    ages = (0, 0, 20, 40, 300)
    ids = [id_at(now - timedelta(days=age, seconds=place)) for place, age in enumerate(ages)]
    for id_ in ids:
        session.add(make_callback(bank, id_))
    await session.flush()

    partner_id = bank.partner.id
    all_ = await service.list_callbacks(session, partner_id, before=None, limit=10)
    page = await service.list_callbacks(session, partner_id, before=ids[1], limit=2)
    last = await service.list_callbacks(session, partner_id, before=ids[3], limit=2)

    assert [each.id for each in all_] == ids
    assert [each.id for each in page] == ids[2:4]
    assert [each.id for each in last] == ids[4:]


def id_at(at: datetime) -> UUID:
    return UUID(int=lowest_id_of(at).int | new_id().int & ((1 << 80) - 1))


def make_callback(bank: Bank, id_: UUID) -> Callback:
    return Callback(
        id=id_,
        partner_id=bank.partner.id,
        service="24",
        received_at=clock.real_now(),
        source="",
        target="",
        headers={},
        external_id="",
        signed_over="",
        body=b"{}",
        verdict=CallbackOutcome.ANSWERED,
        http_status=200,
        response_code="2002400",
        answer=b"{}",
    )


@pytest.mark.parametrize("profile", ["generic-hmac", "bca"])
async def test_the_repeat_of_a_payment_with_an_archived_message_books_nothing(
    open_town: Callable[..., Awaitable[Any]], issue_bill: IssueBill, profile: str
) -> None:
    town = await open_town(profile)
    bank = town.banks[0]
    async with town.database.begin() as session:
        content = payment_of(await issue_bill(session), bank.partner)

    first = await bank.pay(content)
    await maintain(town.urls.owner, [CALLBACKS], clock.real_now() + timedelta(days=500))
    again = await bank.pay(content)

    assert first.json()["responseCode"] == "2002500"
    assert again.json()["responseCode"] == "4042518"
    assert await town.count(Payment) == 1
    assert await town.verdicts() == {CallbackOutcome.CONFLICT: 1}
    assert await town.faults() == []
