"""A migrated database has nothing that the code of its service does not name."""

import asyncpg
import pytest
from sqlalchemy import CheckConstraint, Table

from agent_service.tables import METADATA as AGENT
from gateway.tables import METADATA as GATEWAY
from member_service.tables import METADATA as MEMBER
from payment_service.tables import METADATA as PAYMENT
from perisai_kit.testing.plugin import Databases

MODELS = {"gateway": GATEWAY, "agent": AGENT, "member": MEMBER, "payment": PAYMENT}
ALEMBIC = "table alembic_version"
EXCEPTIONS = {
    "gateway": {ALEMBIC},
    "agent": {ALEMBIC, "sequence agent_numbers"},  # a sequence of its own in models.py
    "member": {ALEMBIC},
    "payment": {
        ALEMBIC,
        "sequence virtual_account_serials",  # a sequence of its own in models.py
        "type stored_callback",  # callbacks/writer.py inserts messages as an array of it
    },
}
OF_A_LIBRARY = "pgqueuer"
"""Tables, types, functions and triggers with this in their name are those of the job queue."""

# Partitions follow their table; what belongs to a column, a table or a constraint follows it.
CATALOGUE = """
WITH tables AS (
    SELECT oid, relname::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
)
SELECT 'table ' || name FROM tables
UNION ALL
SELECT 'column ' || name || '.' || attname FROM tables JOIN pg_attribute ON attrelid = oid
WHERE attnum > 0 AND NOT attisdropped AND name <> 'alembic_version'
UNION ALL
SELECT 'default ' || name || '.' || attname
FROM tables JOIN pg_attrdef ON adrelid = tables.oid
JOIN pg_attribute ON attrelid = tables.oid AND attnum = adnum
UNION ALL
SELECT 'check ' || conname FROM tables JOIN pg_constraint ON conrelid = tables.oid
WHERE contype = 'c'
UNION ALL
SELECT 'unproven ' || conname FROM pg_constraint WHERE NOT convalidated
UNION ALL
SELECT 'index ' || relname FROM tables
JOIN pg_index ON indrelid = tables.oid JOIN pg_class ON pg_class.oid = indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
UNION ALL
SELECT 'broken ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid
UNION ALL
SELECT 'trigger ' || tgname FROM pg_trigger JOIN tables ON tables.oid = tgrelid
WHERE NOT tgisinternal
UNION ALL
SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'type ' || typname FROM pg_type LEFT JOIN pg_class ON pg_class.oid = typrelid
WHERE typnamespace = 'public'::regnamespace
    AND (typtype IN ('e', 'd') OR (typtype = 'c' AND relkind = 'c'))
UNION ALL
SELECT 'sequence ' || relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i'))
UNION ALL
SELECT 'view ' || relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
"""


def list_named(table: Table) -> set[str]:
    name = table.name
    checks = {str(each.name) for each in table.constraints if isinstance(each, CheckConstraint)}
    return (
        {f"table {name}"}
        | {f"column {name}.{each.name}" for each in table.columns}
        | {f"default {name}.{each.name}" for each in table.columns if each.server_default}
        | {f"index {each.name}" for each in table.indexes}
        | {f"check {each}" for each in checks}
        | {f"check ck_{name}_{each}" for each in checks}
    )


async def find_leftovers(databases: Databases, service: str, *changes: str) -> set[str]:
    """Return what the models of a service do not name, as if these changes had been made."""
    tables = [table for one in MODELS[service] for table in one.tables.values()]
    connection = await asyncpg.connect(databases.shared(service).owner)
    changing = connection.transaction()
    await changing.start()
    try:
        for change in changes:
            await connection.execute(change)
        found = {name for (name,) in await connection.fetch(CATALOGUE)}
    finally:
        await changing.rollback()
        await connection.close()
    named = set().union(*(list_named(table) for table in tables))
    return {each for each in found - named if OF_A_LIBRARY not in each}


@pytest.mark.parametrize("service", MODELS)
async def test_a_migrated_database_has_nothing_that_the_models_do_not_name(
    databases: Databases, service: str
) -> None:
    assert await find_leftovers(databases, service) == EXCEPTIONS[service]


CHANGES = {
    "ALTER TABLE events ADD position bigint": "column events.position",
    "ALTER TABLE events ALTER type SET DEFAULT 'x'": "default events.type",
    "CREATE TABLE before (id int)": "table before",
    "CREATE INDEX ix_before ON events (subject)": "index ix_before",
    "ALTER TABLE events ADD CONSTRAINT ck_before CHECK (seq > 0)": "check ck_before",
    "ALTER TABLE events ADD CONSTRAINT later CHECK (seq > 0) NOT VALID": "unproven later",
    "CREATE FUNCTION before() RETURNS int LANGUAGE sql AS 'SELECT 1'": "function before",
    "CREATE TYPE before AS (id int)": "type before",
    "CREATE TYPE choice_before AS ENUM ('a')": "type choice_before",
    "CREATE SEQUENCE numbers_before": "sequence numbers_before",
    "CREATE VIEW before AS SELECT 1": "view before",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_no_model_names_is_found(databases: Databases, change: str) -> None:
    found = await find_leftovers(databases, "gateway", change)

    assert CHANGES[change] in found - EXCEPTIONS["gateway"]


async def test_a_trigger_that_no_model_names_is_found(databases: Databases) -> None:
    found = await find_leftovers(
        databases,
        "gateway",
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER keeps BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION keep()",
    )

    assert {"trigger keeps", "function keep"} <= found
