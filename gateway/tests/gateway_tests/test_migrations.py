import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from gateway.tables import MIGRATIONS
from perisai_kit.services.processes import find_head, find_needed
from perisai_kit.testing.plugin import Databases


def _config(databases: Databases) -> Config:
    return databases.alembic_config("gateway", databases.empty().owner)


async def _run(url: str, *statements: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [await connection.fetch(each) for each in statements]
    finally:
        await connection.close()


def _find(slug: str) -> Script:
    (found,) = [
        each for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions() if slug in each.path
    ]
    return found


def _revision(slug: str) -> str:
    """Return the revision of the migration with this name."""
    return str(_find(slug).revision)


def _revision_before(slug: str) -> str:
    """Return the revision that the migration with this name follows."""
    return str(_find(slug).down_revision)


def _in_thread(call: object, *arguments: object) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call, *arguments).result()  # type: ignore[arg-type]  # alembic's commands


@pytest.mark.parametrize(
    ("slug", "write"),
    [
        ("find_ended_sessions", "DELETE FROM sessions"),
        ("share_a_number", "DELETE FROM accounts"),
        ("index_notices", "DELETE FROM account_notices"),
        ("index_notices", "DELETE FROM accounts"),
    ],
)
async def test_an_index_is_made_while_its_table_is_written(
    databases: Databases, slug: str, write: str
) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision_before(slug))
    slow, quick = await asyncpg.connect(urls.owner), await asyncpg.connect(urls.owner)
    await quick.execute("SET lock_timeout = '2s'")
    writing = slow.transaction()
    await writing.start()
    await slow.execute(write)

    migrating = asyncio.create_task(asyncio.to_thread(command.upgrade, config, _revision(slug)))
    while not migrating.done() and not await quick.fetchval(WAITING):  # noqa: ASYNC110 - a row
        await asyncio.sleep(0.01)
    await quick.execute(write)  # waits for no index
    await writing.rollback()
    await migrating

    await slow.close()
    await quick.close()


WAITING = """
SELECT count(*) > 0 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def test_there_is_one_head() -> None:

    heads = ScriptDirectory(str(MIGRATIONS)).get_heads()

    assert len(heads) == 1


def test_an_empty_database_migrates_to_exactly_what_the_models_say(databases: Databases) -> None:
    config = _config(databases)

    _in_thread(command.upgrade, config, "head")

    _in_thread(command.check, config)


ACCOUNTS = """
INSERT INTO accounts (id, kind, username, password_hash, phone, phone_hash, display_label, agent_id,
    roles, scope_kind, scope_code, scope_region, version, created_at)
VALUES
    ('00000000-0000-0000-0000-000000000001', 'staff', 'everywhere', 'x', NULL, NULL, 'x', NULL,
        '{admin}', NULL, NULL, NULL, 1, now()),
    ('00000000-0000-0000-0000-000000000002', 'staff', 'somewhere', 'x', NULL, NULL, 'x', NULL,
        '{admin,branch_officer}', 'branch', 'banyuwangi', 'jatim', 1, now()),
    ('00000000-0000-0000-0000-000000000003', 'person', NULL, NULL, 'x', 'x', 'x',
        '00000000-0000-0000-0000-000000000009', '{agent}', 'branch', 'banyuwangi', 'jatim', 1,
        now())
"""


PEOPLE = """
INSERT INTO accounts (id, kind, phone, phone_hash, display_label, agent_id, roles,
    sessions_valid_from, tokens_valid_from, version, created_at)
VALUES
    ('00000000-0000-0000-0000-000000000001', 'person', 'x', 'present', 'x',
        '00000000-0000-0000-0000-000000000009', '{agent}', NULL, NULL, 1, now()),
    ('00000000-0000-0000-0000-000000000002', 'person', 'x', 'dismissed', 'x',
        NULL, '{}', NULL, '2026-03-01Z', 1, now()),
    ('00000000-0000-0000-0000-000000000003', 'person', 'x', 'moved, then suspended', 'x',
        NULL, '{}', '2026-02-01Z', '2026-03-01Z', 1, now()),
    ('00000000-0000-0000-0000-000000000004', 'person', 'x', 'locked', 'x',
        NULL, '{}', '2026-03-01Z', '2026-03-01Z', 1, now()),
    ('00000000-0000-0000-0000-000000000005', 'person', 'x', 'nothing happened', 'x',
        NULL, '{}', NULL, NULL, 1, now())
"""
STAFF = """
INSERT INTO accounts (id, kind, username, password_hash, display_label, roles, tokens_valid_from,
    version, created_at)
VALUES ('00000000-0000-0000-0000-000000000006', 'staff', 'moved', 'x', 'x', '{auditor}', now(), 1,
    now())
"""
CROWD = """
INSERT INTO accounts (id, kind, phone, phone_hash, display_label, agent_id, roles, version,
    created_at)
SELECT gen_random_uuid(), 'person', 'x', convert_to(number::text, 'UTF8'), 'x', gen_random_uuid(),
    '{agent}', 1, now()
FROM generate_series(1, 2500) AS number
"""
SIGN_INS = """
INSERT INTO sessions (id, account_id, amr, generation, token_hash, salt, created_at, expires_at)
SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000004', '{otp}', 0, 'x', 'x', at, at
FROM unnest('{2026-01-02Z,2026-01-01Z}'::timestamptz[]) AS at
"""


async def test_agents_of_before_and_first_sign_ins_are_remembered(databases: Databases) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision_before("remember_agents_of_before"))
    await _run(urls.owner, PEOPLE, STAFF, SIGN_INS)

    _in_thread(command.upgrade, config, "head")

    (accounts,) = await _run(
        urls.owner, "SELECT was_agent_at, first_signed_in_at FROM accounts ORDER BY id"
    )
    was_agent = [each["was_agent_at"] is not None for each in accounts]
    assert was_agent == [True, True, True, False, False, False]
    signed_in = [each["first_signed_in_at"] for each in accounts]
    assert signed_in == [*[None] * 3, datetime(2026, 1, 1, tzinfo=UTC), None, None]


async def test_every_batch_of_accounts_is_looked_at(databases: Databases) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision_before("remember_agents_of_before"))
    await _run(urls.owner, CROWD)

    _in_thread(command.upgrade, config, "head")

    (counted,) = await _run(urls.owner, "SELECT count(*) FROM accounts WHERE was_agent_at IS NULL")
    assert counted[0][0] == 0


async def test_administrators_of_a_part_lose_the_role_and_agents_are_remembered(
    databases: Databases,
) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision_before("record_account_changes"))
    await _run(urls.owner, ACCOUNTS)

    _in_thread(command.upgrade, config, "head")

    accounts, changes = await _run(
        urls.owner,
        "SELECT roles, scope_kind, was_agent_at FROM accounts ORDER BY id",
        "SELECT change, source, before, after, author_id FROM account_changes",
    )
    assert [(each["roles"], each["scope_kind"]) for each in accounts] == [
        (["admin"], "country"),
        (["branch_officer"], "branch"),
        (["agent"], "branch"),
    ]
    assert [each["was_agent_at"] is not None for each in accounts] == [False, False, True]
    assert [tuple(each.values()) for each in changes] == [
        (
            "roles_changed",
            "migration",
            '{"roles": ["admin", "branch_officer"]}',
            '{"roles": ["branch_officer"]}',
            None,
        )
    ]


ROLES_OF_AGENTS = """
INSERT INTO account_changes (id, account_id, at, change, source, before, after) VALUES
    ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', now(),
        'agent_role_given', 'event', NULL, '{"agent_id": "00000000-0000-0000-0000-0000000000a1"}'),
    ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-00000000000a', now(),
        'agent_role_taken', 'event', '{"agent_id": "00000000-0000-0000-0000-0000000000a1"}', NULL),
    ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-00000000000a', now(),
        'agent_role_given', 'event', NULL, '{"agent_id": "00000000-0000-0000-0000-0000000000a2"}'),
    ('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-00000000000b', now(),
        'created', 'sign_in', NULL, '{"roles": []}')
"""
SENT_BEFORE = """
INSERT INTO account_notices (id, account_id, template, created_at, attempts, sent_at)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
    'account_locked', now(), 1, now())
"""


async def test_the_accounts_of_former_agents_are_remembered(databases: Databases) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision_before("write_notices"))
    await _run(urls.owner, ROLES_OF_AGENTS, SENT_BEFORE)

    _in_thread(command.upgrade, config, "head")

    agents, notices = await _run(
        urls.owner,
        "SELECT agent_id, account_id FROM agent_accounts ORDER BY agent_id",
        "SELECT fact, month, amount FROM account_notices",
    )
    assert [(str(each[0])[-2:], str(each[1])[-2:]) for each in agents] == [
        ("a1", "0a"),
        ("a2", "0a"),
    ]
    assert [tuple(each) for each in notices] == [(None, None, None)]


OUTBOX = """
INSERT INTO notice_outbox (id, phone_hash, template, text, created_at)
VALUES (gen_random_uuid(), 'x', 'locked_out', NULL, now()),
    (gen_random_uuid(), 'x', 'locked_out', 'You are locked out.', now())
"""


async def test_a_stored_notice_of_before_keeps_its_template_as_its_text(
    databases: Databases,
) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision("index_notices"))
    await _run(urls.owner, OUTBOX)

    _in_thread(command.upgrade, config, "head")

    (kept,) = await _run(urls.owner, "SELECT template, text FROM notice_outbox")
    assert {tuple(each) for each in kept} == {
        ("locked_out", "You are locked out."),
        ("locked_out", "locked_out"),
    }


async def test_migrations_that_contract_wait_for_a_run_of_their_own(databases: Databases) -> None:
    urls = databases.empty()
    program = (sys.executable, "-m", "perisai_kit.services.migrate")

    async def migrate(*options: str) -> str:
        run = await asyncio.create_subprocess_exec(
            *program,
            *options,
            "gateway",
            env={**os.environ, "PERISAI_GATEWAY_OWNER_DATABASE_URL": urls.owner},
        )
        assert await run.wait() == 0
        ((row,),) = await _run(urls.owner, "SELECT version_num FROM alembic_version")
        return str(row["version_num"])

    needed, head = find_needed(MIGRATIONS), find_head(MIGRATIONS)
    expanded = [await migrate("--expand-only") for _ in range(2)]
    contracted = [await migrate(), await migrate("--expand-only")]

    assert (expanded, contracted) == ([needed] * 2, [head] * 2)


ENGINEER = """
INSERT INTO accounts (id, kind, username, password_hash, display_label, roles, scope_kind,
    scope_code, wadah_id, version, created_at)
VALUES (gen_random_uuid(), 'staff', gen_random_uuid()::text, 'x', 'x', '{roles}', {scope}, {wadah},
    1, now())
"""
OF_A_BANK = "'bank_partner', '0198c0de-0000-7000-8000-00000000000b'"


async def test_a_bank_s_engineer_has_one_role_and_one_bank_in_the_database(
    databases: Databases,
) -> None:
    urls = databases.empty()
    config = databases.alembic_config("gateway", urls.owner)
    _in_thread(command.upgrade, config, _revision_before("let_banks_have_engineers"))
    await _run(urls.owner, PEOPLE, STAFF)

    _in_thread(command.upgrade, config, _revision("let_banks_have_engineers"))

    insert = partial(ENGINEER.format, wadah="NULL")
    await _run(urls.owner, insert(roles="{bank_engineer}", scope=OF_A_BANK))
    for wrong in (
        insert(roles="{bank_engineer}", scope="'country', NULL"),
        insert(roles="{bank_engineer}", scope="NULL, NULL"),
        insert(roles="{bank_engineer,auditor}", scope=OF_A_BANK),
        insert(roles="{auditor}", scope=OF_A_BANK),
        insert(roles="{bank_engineer}", scope="'bank_partner', NULL"),
        ENGINEER.format(roles="{bank_engineer}", scope=OF_A_BANK, wadah="gen_random_uuid()"),
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await _run(urls.owner, wrong)
