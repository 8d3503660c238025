from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from payment_service_tests.partner_bank import Bank
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.models import AccessToken, UnprovenRequest
from payment_service.bank_access.service import UNPROVEN_KEPT
from payment_service.banks.models import BankPartner
from payment_service.callbacks import tasks
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

MakePartner = Callable[..., Awaitable[BankPartner]]


async def test_dead_tokens_are_forgotten(
    bank: Bank, session: AsyncSession, database: Database
) -> None:
    for age_s in (-60, 60):
        session.add(
            AccessToken(
                token_hash=str(age_s).encode(),
                partner_id=bank.partner.id,
                expires_at=clock.real_now() - timedelta(seconds=age_s),
            )
        )
    await session.flush()

    await tasks.every_ten_minutes(database)

    assert list(await session.scalars(select(AccessToken.token_hash))) == [b"-60"]


MANY = 30_000
"""Three times what one turn deleted when it had a bound."""
FRESH = 100
TOKENS = """
    INSERT INTO snap_access_tokens (token_hash, partner_id, expires_at)
    SELECT uuid_send(gen_random_uuid()), $3, $1 FROM generate_series(1, $2::int)
"""
UNPROVEN = """
    INSERT INTO snap_unproven_requests (id, partner_id, service, received_at, source, target,
                                        failed_check, http_status, response_code, response_message)
    SELECT uuidv7(), $2, '25', now(), 's', 't', 'signature', 401, '4012500', 'Unauthorized'
    FROM generate_series(1, $1::int)
"""


async def test_a_days_tokens_and_unproven_requests_are_forgotten_and_fresh_ones_kept(
    own_database: Callable[[str], Urls], keyring: Keyring, make_partner: MakePartner
) -> None:
    urls, now = own_database("payment"), clock.real_now()
    database = Database(urls.app, keyring=keyring, pool_size=2)
    async with database.begin() as session:
        partner_id = (await make_partner(session)).id
        quiet_id = (await make_partner(session, company_code="88888")).id
    owner = await asyncpg.connect(urls.owner)
    for age_days, count in ((9, MANY), (0, FRESH)):
        expires_at = now - timedelta(days=age_days) + timedelta(minutes=15)
        await owner.execute(TOKENS, expires_at, count, partner_id)
    await owner.execute(UNPROVEN, MANY, partner_id)
    newest = await owner.fetchval("SELECT max(id::text) FROM snap_unproven_requests")
    await owner.execute(UNPROVEN, FRESH, quiet_id)
    await owner.close()

    more = True
    while more:
        more = await tasks.every_ten_minutes(database)

    async with database.read() as session:
        left = await session.scalar(select(func.count()).select_from(AccessToken))
        by_partner = select(UnprovenRequest.partner_id, func.count())
        unproven = await session.execute(by_partner.group_by(UnprovenRequest.partner_id))
        kept = {row[0]: row[1] for row in unproven}
        last = await session.scalar(
            select(UnprovenRequest.id)
            .where(UnprovenRequest.partner_id == partner_id)
            .order_by(UnprovenRequest.id.desc())
            .limit(1)
        )
    await database.dispose()
    assert left == FRESH
    assert kept == {partner_id: UNPROVEN_KEPT, quiet_id: FRESH}
    assert str(last) == newest
