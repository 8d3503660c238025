"""Bring several databases to their newest form: `python -m sandbox.migrate INI...`.

In one process, because Alembic and the ORM take longer to import than to work. Addresses come from
the variables that each service's migrations read.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError


def main(inis: list[str]) -> int:
    """Return the exit code; what failed is said in one line."""
    for ini in inis:
        try:
            command.upgrade(Config(ini), "head")
        except (CommandError, SQLAlchemyError, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            sys.stderr.write(f"{Path(ini).parent.name} could not be migrated: {reason}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
