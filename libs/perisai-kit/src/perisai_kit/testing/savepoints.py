"""Cheap savepoints: in tests every transaction is one.

SQLAlchemy compiles and prepares each of these statements, since each has a name of its own. That
takes more processor time than most transactions have otherwise.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

STATEMENTS = {
    "do_savepoint": "SAVEPOINT {}",
    "do_rollback_to_savepoint": "ROLLBACK TO SAVEPOINT {}",
    "do_release_savepoint": "RELEASE SAVEPOINT {}",
}


def send_savepoints_as_text(engine: AsyncEngine) -> None:
    """Let the driver send savepoints as they are, and prepare nothing."""
    for method, statement in STATEMENTS.items():
        setattr(engine.sync_engine.dialect, method, _sender(statement))


def _sender(statement: str) -> Callable[[Connection, str], None]:
    def send(connection: Connection, name: str) -> None:
        adapted: Any = connection.connection.dbapi_connection
        adapted.run_async(lambda driver: driver.execute(statement.format(name)))

    return send
