import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

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
        ("agents", ("bank_code", "account_no", "account_holder_name")),
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
