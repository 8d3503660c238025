from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from perisai_kit.testing import Databases


def _config(databases: Databases) -> Config:
    return databases.alembic_config("gateway", databases.empty().owner)


def _in_thread(call: object, *arguments: object) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call, *arguments).result()  # type: ignore[arg-type]  # alembic's commands


def test_there_is_one_head() -> None:
    folder = Path(__file__).parents[1] / "migrations"

    heads = ScriptDirectory(str(folder)).get_heads()

    assert len(heads) == 1


def test_an_empty_database_migrates_to_exactly_what_the_models_say(databases: Databases) -> None:
    config = _config(databases)

    _in_thread(command.upgrade, config, "head")

    _in_thread(command.check, config)
