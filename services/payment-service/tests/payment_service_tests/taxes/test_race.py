import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from payment_service_tests.taxes.conftest import (
    PAID_ON,
    RETURNED_ON,
    find_tax_faults,
    make_wadah_payout,
)
from sqlalchemy import func, select

from payment_service.taxes import service
from payment_service.taxes.models import Withholding
from payment_service.taxes.rules import TaxKind, TaxPolicy
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

pytestmark = pytest.mark.race


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()


async def test_of_several_who_settle_one_payout_at_once_one_withholds(own: Database) -> None:
    earnings = make_wadah_payout(agents=[1_000_000, 2_000_000])
    payout_id = earnings[0].payout_id
    async with own.begin() as session:
        await service.compute(session, earnings, on=PAID_ON, policy=TaxPolicy())

    async def record() -> None:
        async with own.begin() as session:
            await service.record(session, payout_id, paid_on=PAID_ON)

    async def reverse() -> None:
        async with own.begin() as session:
            await service.reverse(session, payout_id, returned_on=RETURNED_ON)

    await asyncio.gather(*(record() for _ in range(6)))
    async with own.read() as session:
        due = {each.kind: each.due for each in await service.due(session, Month.of(PAID_ON))}
    await asyncio.gather(*(reverse() for _ in range(6)))

    assert due == {TaxKind.PPH21: 75_000, TaxKind.PPH23: 100_000}
    async with own.read() as session:
        assert await find_tax_faults(session) == []
        assert await session.scalar(select(func.count()).select_from(Withholding)) == 6
        assert {each.due for each in await service.due(session, Month.of(PAID_ON))} == {0}
