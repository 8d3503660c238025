from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from asyncpg import connect

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
