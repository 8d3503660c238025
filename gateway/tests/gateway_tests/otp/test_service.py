import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select

from gateway import worker
from gateway.otp.models import OtpChallenge, OtpOutboxEntry
from gateway.sessions.models import SignInSession
from gateway.throttles.models import KnownDevice, ThrottleCount
from gateway.throttles.rules import list_code_sends
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

MANY = 30_000
"""Three times what one turn deleted when it had a bound."""
FRESH = 100
TABLES = (OtpChallenge, OtpOutboxEntry, ThrottleCount, KnownDevice, SignInSession)
FILL = """
    INSERT INTO otp_challenges (id, phone_hash, device_id, code_hash, attempts, created_at,
                                expires_at)
    SELECT gen_random_uuid(), '\\x01', 'd', '\\x02', 0, $1, $1 FROM generate_series(1, $2::int);
    INSERT INTO otp_outbox (id, phone_hash, code, purpose, created_at)
    SELECT gen_random_uuid(), '\\x01', '\\x02', 'sign_in', $1 FROM generate_series(1, $2::int);
    INSERT INTO throttle_counts (subject, window_at, hits)
    SELECT uuid_send(gen_random_uuid()), $1, 1 FROM generate_series(1, $2::int);
    INSERT INTO known_devices (subject, signed_in_at)
    SELECT uuid_send(gen_random_uuid()), $1 FROM generate_series(1, $2::int);
    INSERT INTO accounts (id, kind, username, password_hash, display_label, roles, version,
                          created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'staff', 'one', 'x', '\\x01', '{}', 1, $1)
    ON CONFLICT DO NOTHING;
    INSERT INTO sessions (id, account_id, amr, generation, token_hash, salt, created_at, expires_at)
    SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '{}', 1, '\\x01', '\\x02',
           $1, $1 FROM generate_series(1, $2::int)
"""


async def test_a_days_sign_ins_are_forgotten_in_one_turn_and_fresh_ones_kept(
    own_database: Callable[[str], Urls], keyring: Keyring
) -> None:
    urls, now = own_database("gateway"), clock.real_now()
    owner = await asyncpg.connect(urls.owner)
    for statement in FILL.split(";\n"):
        both = "$2" in statement
        await owner.execute(statement, now - timedelta(days=200), *([MANY] if both else []))
        await owner.execute(statement, now, *([FRESH] if both else []))
    await owner.close()
    database = Database(urls.app, keyring=keyring, pool_size=2)

    more = True
    while more:
        more = await worker.forget_old(database)

    async with database.read() as session:
        left = [await session.scalar(select(func.count()).select_from(each)) for each in TABLES]
    await database.dispose()
    assert left == [FRESH] * len(TABLES)


@pytest.mark.race
async def test_a_sign_in_and_a_request_for_a_code_lock_their_counts_in_one_order(
    gateway: Any,
) -> None:
    grant, parts, now = await gateway.otp_grant(), gateway.parts, clock.real_now()
    sends = list_code_sends(
        parts.throttles.limits,
        phone=grant["phone"],
        device_id=grant["device_id"],
        address="127.0.0.1",
        is_known=False,
    )

    async with parts.database.begin() as session:
        await parts.throttles.hit(session, sends[:1], now=now)
        signing_in = asyncio.create_task(gateway.token(**grant))
        await gateway.waiters(1)
        await parts.throttles.hit(session, sends[1:], now=now)

    assert (await signing_in).status_code == 200
