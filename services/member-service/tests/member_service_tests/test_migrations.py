from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from asyncpg import connect

from perisai_kit.db.migrations.steps import MigrationRefused
from perisai_kit.testing.plugin import Databases, Urls, run_in_thread

INSERT_ONLY = (
    "allocation_reversals",
    "work_declarations",
    "consents",
    "member_changes",
    "agent_decisions",
    "bpu_evidence",
    "correction_steps",
    "enrolment_batches",
    "enrolment_rows",
    "holiday_corrections",
    "read_audits",
)


def test_there_is_one_head(databases: Databases) -> None:
    config = databases.alembic_config("member", databases.empty().owner)

    heads = ScriptDirectory.from_config(config).get_heads()

    assert len(heads) == 1


def test_upgrading_an_empty_database_gives_exactly_the_tables_of_the_models(
    databases: Databases,
) -> None:
    config = databases.alembic_config("member", databases.empty().owner)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, "head").result()
        pool.submit(command.check, config).result()  # raises if models and tables differ


def test_the_running_service_cannot_change_what_was_recorded(
    own_database: Callable[[str], Urls],
) -> None:
    urls = own_database("member")

    async def allowed() -> list[str]:
        connection = await connect(urls.app)
        try:
            rows = await connection.fetch(
                "SELECT name FROM unnest($1::text[]) AS name"
                " WHERE has_any_column_privilege(name, 'UPDATE')"
                " OR has_table_privilege(name, 'DELETE, TRUNCATE')",
                list(INSERT_ONLY),
            )
        finally:
            await connection.close()
        return [row["name"] for row in rows]

    assert run_in_thread(allowed()) == []


CHANGING = {
    "allocations": {
        "answer_no",
        "declined",
        "withdrawn",
        "first_month",
        "agent_id",
        "wadah_id",
        "branch_code",
        "region_code",
        "is_acquisition",
    },
    "attribution_periods": {
        "first_unpaid",
        "ends_on",
        "end_reason",
        "unpaid_months",
    },
    "attributions": {"withdrawn_at", "withdrawn_by"},
    "handovers": {"withdrawn_at", "withdrawn_by"},
    "corrections": {"effective_at", "status"},
    "reported_endings": {"withdrawn_at", "withdrawn_by"},
}


@pytest.mark.parametrize("table", CHANGING)
def test_only_the_answer_to_a_fact_can_be_changed(
    own_database: Callable[[str], Urls], table: str
) -> None:
    urls = own_database("member")

    async def changeable() -> set[str]:
        connection = await connect(urls.app)
        try:
            rows = await connection.fetch(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = $1 AND has_column_privilege($1, column_name, 'UPDATE')",
                table,
            )
        finally:
            await connection.close()
        return {row["column_name"] for row in rows}

    assert run_in_thread(changeable()) == CHANGING[table]


OF_BEFORE = """
INSERT INTO members (id, nik_hash, nik_warnings, birth_date_text, sex, phone_hash, village,
    district, occupations, declared_income, programmes, employs_others, payer, new_to_bpu,
    enrolled_on, paid_through, first_unpaid, ends_on, end_reason, version, created_by, created_at,
    nik, full_name, place_of_birth, phone, street)
SELECT gen_random_uuid(), sha256(i::text::bytea), '{}', '', 'male', '', 'Desa', 'Kalibaru',
    '{fisher}', 1000000, '{jkk,jkm}', false, 'self', true, '2025-01-01',
    CASE WHEN i = 1 THEN '2025-11' END, CASE WHEN i = 1 THEN '2025-12' END,
    CASE WHEN i = 1 THEN date '2026-03-01' END, CASE WHEN i = 1 THEN 'lapsed' END,
    1, gen_random_uuid(), now(), '', '', '', '', ''
FROM generate_series(1, 2) AS i;
INSERT INTO attribution_periods (member_id, from_date, until_date, branch_code, region_code, reason,
    attribution_id, agent_sees, attribution_no, enrolled_at)
SELECT id, '2025-01-01', '9999-12-31', 'banyuwangi', 'jatim', 'enrolled', id, true, 1, created_at
FROM members;
"""


# What a worker of the version before writes of members whom an older one judged.
AS_REPAIRED = """
UPDATE members SET unpaid_months = period.unpaid_months
FROM attribution_periods AS period WHERE member_id = id
"""


def test_members_of_before_are_listed_by_their_registration_and_marked(
    databases: Databases,
) -> None:
    urls = databases.empty("member")
    config = databases.alembic_config("member", urls.owner)

    async def run(statement: str) -> list[tuple[object, ...]]:
        connection = await connect(urls.owner)
        try:
            if statement is OF_BEFORE:
                await connection.execute(statement)
                return []
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, "0001").result()
        run_in_thread(run(OF_BEFORE))
        with pytest.raises(MigrationRefused, match="registrations of members are not copied"):
            pool.submit(command.upgrade, config, "head").result()
        run_in_thread(run(AS_REPAIRED))
        pool.submit(command.upgrade, config, "head").result()
        pool.submit(command.upgrade, config, "head").result()

    copies = "SELECT first_unpaid, ends_on::text, end_reason, unpaid_months"
    assert run_in_thread(run(f"{copies} FROM attribution_periods ORDER BY ends_on")) == [
        ("2025-12", "2026-03-01", "lapsed", "2025-12 2026-01 2026-02"),
        (None, None, None, None),
    ]
    assert run_in_thread(run("SELECT count(unpaid_months) FROM members")) == [(1,)]
    assert run_in_thread(run("SELECT count(*) FROM member_updates")) == [(2,)]
