from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.callbacks import tasks
from payment_service.callbacks.models import AccessToken, ExternalId
from payment_service.testing import Bank
from perisai_kit import clock
from perisai_kit.db import Database
from perisai_kit.ids import new_id


async def test_dead_tokens_and_old_external_ids_are_forgotten(
    bank: Bank, session: AsyncSession, database: Database
) -> None:
    now = clock.real_now()
    ages = {"today": 0, "yesterday": 1, "long ago": 9}
    for name, days in ages.items():
        session.add(
            ExternalId(
                partner_id=bank.partner.id,
                scope="25",
                day=clock.jakarta_date(now) - timedelta(days=days),
                external_id=name,
                callback_id=new_id(),
            )
        )
    for age_s in (-60, 60):
        session.add(
            AccessToken(
                token_hash=str(age_s).encode(),
                partner_id=bank.partner.id,
                expires_at=now - timedelta(seconds=age_s),
            )
        )
    await session.flush()

    await tasks.every_hour(database)

    assert set(await session.scalars(select(ExternalId.external_id))) == {"today", "yesterday"}
    assert list(await session.scalars(select(AccessToken.token_hash))) == [b"-60"]
