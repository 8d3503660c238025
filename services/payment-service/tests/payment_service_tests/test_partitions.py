"""Tables are put in partitions while the version before reads, writes and deletes."""

import asyncio
from collections import Counter
from typing import TypeAlias

import asyncpg
import pytest
from alembic import command
from sqlalchemy import text

from payment_service.partitions import TABLES
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.processes import find_partitioned_tables
from perisai_kit.testing.plugin import Databases, Urls

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

BEFORE, AFTER = "0004", "0005"
ROWS = 3_000
# What the version before inserts, by table.
INSERTS = {
    "callbacks": """
        INSERT INTO callbacks (id, partner_id, service, received_at, source, target, headers,
            external_id, signed_over, verdict, http_status, response_code, body, answer)
        SELECT uuidv7(), gen_random_uuid(), '24', now(), '', '', '{}', '', '', 'answered', 200,
            '2002400', '\\x01', '\\x02' FROM generate_series(1, $1::int)
    """,
    "snap_external_ids": """
        INSERT INTO snap_external_ids (partner_id, scope, day, external_id, callback_id)
        SELECT gen_random_uuid(), '25', current_date, 'x', uuidv7() FROM generate_series(1, $1::int)
        ON CONFLICT DO NOTHING RETURNING callback_id
    """,
    "commission_lines": """
        INSERT INTO commission_lines (earned_month, booked_month, beneficiary_kind, beneficiary_id,
            agent_id, member_id, payment_id, allocation_id, scheme_id, cause, rule, base, rate_bps,
            parts, entry_no, recorded_at)
        SELECT to_char(now(), 'YYYY-MM'), to_char(now(), 'YYYY-MM'), 'agent', id, id, id, id, id,
            id, 'acquisition', 'acquisition', 1, 1, 1, 1, now()
        FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $1::int)) AS made
    """,
    "read_audits": """
        INSERT INTO read_audits (id, at, account_id, request_id, kind, ids)
        SELECT uuidv7(), now(), gen_random_uuid(), 'r', 'member', '{}'
        FROM generate_series(1, $1::int)
    """,
    "idempotency_keys": """
        INSERT INTO idempotency_keys (account_id, key, fingerprint, status, headers, body,
            authority, created_at)
        SELECT gen_random_uuid(), 'key', '\\x01', 200, '{}', '\\x02', '\\x03', now()
        FROM generate_series(1, $1::int)
    """,
}
# What it deletes: the places of rows in all partitions are those of one old row in the first.
FORGET_KEYS = """
    DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
        ORDER BY created_at LIMIT 5000))
"""
FORGET_IDS = """
    DELETE FROM snap_external_ids WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM snap_external_ids WHERE day < current_date - 3 ORDER BY day LIMIT 5000))
"""


@pytest.fixture
def urls(databases: Databases) -> Urls:
    return databases.empty("payment")


async def migrate(databases: Databases, urls: Urls, revision: str) -> None:
    config = databases.alembic_config("payment", urls.owner)
    await asyncio.to_thread(command.upgrade, config, revision)


async def count_rows(connection: Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - ours


def test_this_service_declares_its_tables() -> None:
    assert find_partitioned_tables("payment") == TABLES
    assert {each.name for each in TABLES} == INSERTS.keys()


async def test_tables_with_rows_are_put_in_partitions_beside_the_version_before(
    databases: Databases, urls: Urls, keyring: Keyring
) -> None:
    await migrate(databases, urls, BEFORE)
    connections = {table: await asyncpg.connect(urls.app) for table in INSERTS}
    added = Counter[str]()
    done = asyncio.Event()

    async def go_on(table: str) -> None:
        prepared = await connections[table].prepare(INSERTS[table])
        while not done.is_set():
            await prepared.fetch(1)
            added[table] += 1

    for table, connection in connections.items():
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.fetch(INSERTS[table], ROWS)
    await connections["callbacks"].execute("ANALYZE")
    going_on = [asyncio.create_task(go_on(table)) for table in INSERTS]
    await migrate(databases, urls, AFTER)
    migrated = Counter(added)
    async with asyncio.timeout(60):
        while any(added[table] == migrated[table] for table in INSERTS):  # noqa: ASYNC110 - rows
            await asyncio.sleep(0.01)
    done.set()
    await asyncio.gather(*going_on)

    anyone = connections["callbacks"]
    assert {table: await count_rows(anyone, table) for table in INSERTS} == {
        table: ROWS + added[table] for table in INSERTS
    }
    ids = await anyone.fetchrow("SELECT count(DISTINCT id), max(id) FROM commission_lines")
    assert tuple(ids or ()) == (ROWS + added["commission_lines"],) * 2
    for connection in connections.values():
        await connection.close()
    database = Database(urls.app, keyring=keyring)
    async with database.read() as session:
        kinds = await session.scalars(
            text("SELECT relkind FROM pg_class WHERE relname = ANY(:names)"),
            {"names": list(INSERTS)},
        )
        assert set(kinds) == {b"p"}
    await database.dispose()


async def test_a_migration_that_was_interrupted_goes_on_where_it_stopped(
    databases: Databases, urls: Urls
) -> None:
    await migrate(databases, urls, BEFORE)
    owner = await asyncpg.connect(urls.owner)
    reader = await asyncpg.connect(urls.app)
    reading = reader.transaction()
    await reading.start()
    await reader.execute("LOCK TABLE callbacks IN ACCESS SHARE MODE")

    with pytest.raises(Exception, match="lock timeout"):
        await migrate(databases, urls, AFTER)
    await reading.rollback()
    reached = await owner.fetchval("SELECT version_num FROM alembic_version")
    await migrate(databases, urls, AFTER)

    assert reached == BEFORE
    assert await owner.fetchval("SELECT version_num FROM alembic_version") == AFTER
    await reader.close()
    await owner.close()


async def test_the_version_before_deletes_no_fresh_row_of_another_partition(
    databases: Databases, urls: Urls
) -> None:
    await migrate(databases, urls, BEFORE)
    app, owner = await asyncpg.connect(urls.app), await asyncpg.connect(urls.owner)
    for table in ("idempotency_keys", "snap_external_ids"):
        await app.fetch(INSERTS[table], 5)
    await owner.execute("UPDATE idempotency_keys SET created_at = now() - interval '30 hours'")
    await owner.execute("UPDATE snap_external_ids SET day = current_date - 9")
    await owner.execute("VACUUM FULL idempotency_keys, snap_external_ids")
    await migrate(databases, urls, AFTER)
    for table in ("idempotency_keys", "snap_external_ids"):
        later = INSERTS[table].replace("now()", "now() + interval '90 days'")
        await app.fetch(later.replace("current_date", "current_date + 90"), 7)
        places = f"SELECT count(DISTINCT ctid), count(*) FROM {table}"  # noqa: S608 - ours
        assert tuple(await app.fetchrow(places) or ()) == (7, 12)

    forgotten = [await app.execute(FORGET_KEYS), await app.execute(FORGET_IDS)]

    assert forgotten == ["DELETE 5", "DELETE 5"]
    assert await count_rows(app, "idempotency_keys") == 7
    assert await count_rows(app, "snap_external_ids") == 7
    await app.close()
    await owner.close()
