from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from perisai_kit.db.migrations.steps import MigrationRefused
from perisai_kit.testing.plugin import Databases, Urls

HISTORY = (
    "agreements",
    "wadah_changes",
    "application_checks",
    "application_trainings",
    "application_exams",
    "application_changes",
    "agent_changes",
)


@pytest.fixture(scope="module")
def at_head(databases: Databases) -> tuple[Config, Urls]:
    urls = databases.clone("agent")
    return databases.alembic_config("agent", urls.owner), urls


def test_there_is_one_head(at_head: tuple[Config, Urls]) -> None:
    heads = ScriptDirectory.from_config(at_head[0]).get_heads()

    assert len(heads) == 1


def test_the_tables_are_those_of_the_models(at_head: tuple[Config, Urls]) -> None:
    config, _ = at_head

    command.check(config)  # raises when a model and its table differ


@pytest.mark.parametrize("table", HISTORY)
async def test_history_cannot_be_changed_by_the_service(
    at_head: tuple[Config, Urls], table: str
) -> None:
    connection = await asyncpg.connect(at_head[1].app)
    try:
        for privilege in ("UPDATE", "DELETE", "TRUNCATE"):
            allowed = await connection.fetchval(
                "SELECT has_table_privilege('agent_app', $1, $2)", table, privilege
            )

            assert not allowed
    finally:
        await connection.close()


async def test_the_checks_of_the_models_are_in_the_database(
    at_head: tuple[Config, Urls],
) -> None:
    connection = await asyncpg.connect(at_head[1].app)
    try:
        names = await connection.fetch("SELECT conname FROM pg_constraint WHERE contype = 'c'")
    finally:
        await connection.close()

    expected = {"ck_agents_status", "ck_applications_status", "ck_wadahs_status", "ck_wadahs_kind"}
    assert expected <= {row["conname"] for row in names}


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("bank_accounts", ("holder_id", "bank_code", "account_no", "holder_name", "account_hash")),
        ("tax_identities", ("holder_id", "npwp", "nik_status", "holds_from")),
    ],
)
async def test_what_was_proposed_cannot_be_edited_or_deleted_by_the_service(
    at_head: tuple[Config, Urls], table: str, columns: tuple[str, ...]
) -> None:
    connection = await asyncpg.connect(at_head[1].app)
    try:
        may_update = [
            await connection.fetchval(
                "SELECT has_column_privilege('agent_app', $1, $2, 'UPDATE')", table, column
            )
            for column in columns
        ]
        may_delete = await connection.fetchval(
            "SELECT has_table_privilege('agent_app', $1, 'DELETE')", table
        )
    finally:
        await connection.close()

    assert (may_update, may_delete) == ([False] * len(columns), False)


# Who else is needed for an agent does not matter here.
LOOSEN = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT conname FROM pg_constraint
        WHERE conrelid = 'agents'::regclass AND contype = 'f' LOOP
        EXECUTE 'ALTER TABLE agents DROP CONSTRAINT ' || name;
    END LOOP;
END $$
"""
AGENTS = """
INSERT INTO agents (id, agent_code, application_id, account_id, member_id, wadah_id, branch_code,
    region_code, assignment_letter_number, nik, nik_hash, full_name, bank_code, account_no,
    account_holder_name, status, in_office_since, activated_at)
SELECT id, id, id, id, id, id, 'banyuwangi', 'jatim', 'x', '', uuid_send(id), '', '014', '', '',
    'active', '2026-01-01', now()
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 2)) AS made
"""
COPIED = """
INSERT INTO bank_accounts (id, holder_kind, holder_id, bank_code, account_no, holder_name,
    account_hash, is_first, inquiry_count, status, proposed_by, proposed_at, decided_at)
SELECT gen_random_uuid(), 'agent', id, bank_code, account_no, account_holder_name, '', true, 0,
    'rejected', account_id, now(), now()
FROM agents
"""


async def test_agents_of_before_stay_and_their_accounts_are_dropped_once_they_are_copied(
    databases: Databases,
) -> None:
    urls = databases.empty("agent")
    config = databases.alembic_config("agent", urls.owner)
    connection = await asyncpg.connect(urls.owner)
    columns = (
        "SELECT count(*) FROM information_schema.columns"
        " WHERE table_name = 'agents' AND column_name ~ 'bank|account_(no|holder)'"
    )
    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, "0007").result()
        await connection.execute(LOOSEN)
        await connection.execute(AGENTS)
        with pytest.raises(MigrationRefused, match="accounts of agents are not in bank_accounts"):
            pool.submit(command.upgrade, config, "head").result()
        kept = await connection.fetchval(columns)
        await connection.execute(COPIED)
        pool.submit(command.upgrade, config, "head").result()

    assert (kept, await connection.fetchval(columns)) == (3, 0)
    assert await connection.fetchval("SELECT count(*) FROM agents") == 2
    assert await connection.fetchval("SELECT count(*) FROM bank_accounts") == 2
    await connection.close()
