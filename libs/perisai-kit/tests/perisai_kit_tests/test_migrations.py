"""Migrations are a transaction each, and one process at a time runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from perisai_kit.testing.plugin import Databases, Urls, run_in_thread

ENV = """
from perisai_kit.db.migrations.run import run_migrations

run_migrations("a module that is not imported:METADATA", url_variable="TEST_OWNER_DATABASE_URL")
"""
HEAD = """
from alembic import op
from perisai_kit.db.migrations.steps import create_index_concurrently

revision = "{revision}"
down_revision = {down}


def upgrade():
"""

Tree = Callable[..., Config]


@pytest.fixture
def urls(databases: Databases) -> Urls:
    return databases.empty()


@pytest.fixture
def tree(tmp_path: Path, urls: Urls) -> Tree:
    """Make a tree of migrations, each given by the body of its `upgrade`."""

    def make(*bodies: str) -> Config:
        versions = tmp_path / "versions"
        versions.mkdir(exist_ok=True)
        (tmp_path / "env.py").write_text(ENV)
        for number, body in enumerate(bodies, 1):
            down = repr(f"{number - 1:04}") if number > 1 else "None"
            head = HEAD.format(revision=f"{number:04}", down=down)
            (versions / f"{number:04}.py").write_text(f"{head}    {body}\n")
        config = Config()
        config.set_main_option("script_location", str(tmp_path))
        config.set_main_option("sqlalchemy.url", urls.owner.replace("%", "%%"))
        return config

    return make


def upgrade(config: Config) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(command.upgrade, config, "head").result()


UPGRADE = """
import sys
from alembic import command
from alembic.config import Config

config = Config()
config.set_main_option("script_location", sys.argv[1])
command.upgrade(config, "head")
"""


def start(config: Config, urls: Urls) -> subprocess.Popen[bytes]:
    """Begin to migrate in a process of its own."""
    folder = config.get_main_option("script_location")
    assert folder is not None
    environment = {**os.environ, "TEST_OWNER_DATABASE_URL": urls.owner}
    return subprocess.Popen([sys.executable, "-c", UPGRADE, folder], env=environment)


def ask(url: str, query: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return run_in_thread(answer())


def execute(sql: str) -> str:
    return f"op.execute({sql!r})"


def test_what_stands_before_a_failing_migration_stays(tree: Tree, urls: Urls) -> None:
    config = tree(execute("CREATE TABLE first (id int)"), execute("SELECT 1 / 0"))

    with pytest.raises(DBAPIError, match="division by zero"):
        upgrade(config)

    assert ask(urls.app, "SELECT version_num FROM alembic_version") == "0001"
    assert ask(urls.owner, "SELECT count(*) FROM first") == 0


def test_an_index_is_created_concurrently_over_what_a_failed_attempt_left(
    tree: Tree, urls: Urls
) -> None:
    twice = "INSERT INTO things VALUES (1), (1)"
    config = tree(
        execute("CREATE TABLE things (id int)"),
        execute(twice),
        "create_index_concurrently(op, 'uq_things', 'things', ['id'], unique=True)",
    )
    with pytest.raises(DBAPIError, match="could not create unique index"):
        upgrade(config)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'uq_things'::regclass"
    left_behind = ask(urls.owner, valid)
    ask(urls.owner, "DELETE FROM things")

    upgrade(config)

    assert left_behind is False
    assert ask(urls.owner, valid) is True
    assert ask(urls.app, "SELECT version_num FROM alembic_version") == "0003"


def test_a_lock_on_a_table_is_waited_for_five_seconds_in_every_migration(tree: Tree) -> None:
    setting = execute(
        "DO $$ BEGIN IF current_setting('lock_timeout') <> '5s' THEN"
        " RAISE 'without a time-out'; END IF; END $$"
    )
    index = "create_index_concurrently(op, 'ix_things', 'things', ['id'])"

    upgrade(tree(execute("CREATE TABLE things (id int)"), setting, index, setting))


def test_of_two_processes_one_migrates_and_the_other_finds_nothing_to_do(
    tree: Tree, urls: Urls
) -> None:
    index = "create_index_concurrently(op, 'ix_ran', 'ran', ['id'])"
    config = tree(
        execute("CREATE TABLE ran (id int)"),
        execute("INSERT INTO ran SELECT 1 FROM pg_sleep(1)"),
        index,
    )

    both = [start(config, urls) for _ in range(2)]

    assert [process.wait(60) for process in both] == [0, 0]
    assert ask(urls.owner, "SELECT count(*) FROM ran") == 1
