"""Files, uploads and decisions at once, and workers that die: on a database of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.month_closing import close_month, find_faults
from payment_service_tests.office import (
    Office,
    PayeeBook,
    know,
    list_transfers,
    open_account,
)
from payment_service_tests.village import Village, apply_all, noon, read_until
from sqlalchemy import func, select

from payment_service.clients.payees import PayeesClient
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.payout_files import service
from payment_service.payout_files.models import PayoutAnswer, PayoutFileRow
from payment_service.payout_files.rules import AnswerVerdict
from payment_service.payout_files.tasks import apply_answers
from payment_service.payout_transfers.models import PayoutTransferChange
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.app import create_kit
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = [pytest.mark.race, pytest.mark.soak]
NOVEMBER = Month(2025, 11)
HEADER = "reference,amount,status,bank_reference,reason,date\r\n"


@dataclass(frozen=True)
class World:
    database: Database
    run_id: UUID

    async def make(self) -> UUID:
        async with self.database.begin() as session:
            return (await service.make(session, self.run_id, by=new_id())).id

    async def answer(self, outcome: str) -> bytes:
        """Return a bank's answer that says the same of all transfers."""
        async with self.database.read() as session:
            rows = [
                f"{each.partner_reference_no},{each.amount},{outcome},,,\r\n"
                for each in await list_transfers(session, self.run_id)
            ]
        return (HEADER + "".join(rows)).encode()

    async def upload(self, file_id: UUID, content: bytes) -> UUID:
        async with self.database.begin() as session:
            made = await service.propose_answer(
                session, file_id, content, executed_on=clock.today(), by=new_id()
            )
            return made.id

    async def confirm(self, file_id: UUID, answer_id: UUID) -> None:
        async with self.database.begin() as session:
            await service.decide(
                session, file_id, answer_id, verdict=AnswerVerdict.CONFIRMED, by=new_id()
            )

    async def count(self, column: Any) -> int:
        async with self.database.read() as session:
            return int(await session.scalar(select(func.count(column))) or 0)

    async def statuses(self) -> Counter[str]:
        async with self.database.read() as session:
            return Counter(each.status.value for each in await list_transfers(session, self.run_id))


@pytest.fixture
async def world(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    business_time: BusinessTime,
    settings: Settings,
    wire: Wire,
) -> AsyncIterator[World]:
    """A released run of three agents and their wadahs, on a database of its own."""
    database = Database(own_database("payment").app, keyring=keyring)
    book, villages = PayeeBook(), [Village() for _ in range(3)]
    wire.answer("agent", book.answer)
    for village in villages:
        village.enrol(3, NOVEMBER)
    async with database.begin() as session:
        await know(session, book, *villages, pays=PaymentMethod.AGENTS)
        await apply_all(session, *villages)
    business_time.at(noon(NOVEMBER.plus(1)))
    async with database.begin() as session:
        await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
        await close_month(session, NOVEMBER, settings=settings)
        account_id = (await open_account(session)).id
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    office = Office(database, settings, PayeesClient(kit.client(settings.agent_url)))
    run_id = await office.prepare(account_id, NOVEMBER)
    await office.release(run_id)
    yield World(database, run_id)
    await database.dispose()


async def outcomes(*acts: Awaitable[Any]) -> Counter[str]:
    """Do all of it at once; return how often each problem arose, or none."""
    found = await asyncio.gather(*acts, return_exceptions=True)
    unexpected = [e for e in found if isinstance(e, Exception) and not isinstance(e, DomainError)]
    assert not unexpected
    return Counter(each.code if isinstance(each, DomainError) else "" for each in found)


async def test_of_many_who_make_a_file_at_once_one_does(world: World) -> None:
    found = await outcomes(*(world.make() for _ in range(4)))

    assert found == {"": 1, "payout_file_empty": 3}
    assert await world.count(PayoutFileRow.transfer_id) == 6
    assert await world.statuses() == {"sent": 6}


async def test_the_same_answer_uploaded_at_once_is_one(world: World) -> None:
    file_id = await world.make()
    content = await world.answer("PAID")

    found = await asyncio.gather(*(world.upload(file_id, content) for _ in range(4)))

    assert len(set(found)) == 1
    assert await world.count(PayoutAnswer.id) == 1


async def test_of_two_different_answers_at_once_one_waits_for_a_decision(world: World) -> None:
    file_id = await world.make()
    contents = [await world.answer(outcome) for outcome in ("PAID", "FAILED")]

    found = await outcomes(*(world.upload(file_id, content) for content in contents))

    assert found == {"": 1, "payout_answer_open": 1}
    assert await world.count(PayoutAnswer.id) == 1
    assert await world.statuses() == {"sent": 6}


async def test_workers_at_once_settle_each_payout_once(world: World) -> None:
    file_id = await world.make()
    answer_id = await world.upload(file_id, await world.answer("PAID"))
    found = await outcomes(*(world.confirm(file_id, answer_id) for _ in range(3)))

    await asyncio.gather(*(apply_answers(world.database) for _ in range(3)))

    assert found == {"": 1, "payout_answer_decided": 2}
    assert await world.statuses() == {"paid": 6}
    assert await world.count(PayoutTransferChange.id) == 6 * 3  # created, sent, paid
    async with world.database.begin() as session:
        assert await find_faults(session) == []


async def die_in_a_row(database: Database) -> None:
    async with database.begin() as session:
        await service.apply_next(session)
        raise ConnectionResetError


@pytest.mark.parametrize("rows", [0, 2, 5])
async def test_a_worker_that_dies_in_a_row_is_followed_by_another(world: World, rows: int) -> None:
    file_id = await world.make()
    answer_id = await world.upload(file_id, await world.answer("RETURNED"))
    await world.confirm(file_id, answer_id)
    for _ in range(rows):
        async with world.database.begin() as session:
            await service.apply_next(session)

    with pytest.raises(ConnectionResetError):
        await die_in_a_row(world.database)
    await apply_answers(world.database)

    assert await world.statuses() == {"returned": 6}
    assert await world.count(PayoutTransferChange.id) == 6 * 3
    async with world.database.begin() as session:
        assert await find_faults(session) == []
