"""`perisai-migrate NAME...`: migrate the databases of these processes.

All in one process, because importing Alembic takes longer than migrating. The addresses come from
PERISAI_<NAME>_OWNER_DATABASE_URL.
"""

import sys
from collections.abc import Sequence

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from perisai_kit.services.processes import find_migrations


def build_alembic_config(name: str, url: str | None = None) -> Config:
    """Return the Alembic configuration for the database of a process.

    url: the owner's address; that of the environment when left out.
    """
    config = Config()
    config.set_main_option("script_location", _escaped(str(find_migrations(name))))
    config.set_main_option("path_separator", "os")
    if url is not None:
        config.set_main_option("sqlalchemy.url", _escaped(url))
    return config


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def main(names: Sequence[str] | None = None) -> None:
    """Migrate in order; exit with one line and code 1 at the first failure."""
    for name in sys.argv[1:] if names is None else names:
        try:
            command.upgrade(build_alembic_config(name), "head")
        except (CommandError, SQLAlchemyError, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            sys.exit(f"{name} could not be migrated: {reason}")


if __name__ == "__main__":
    main()
