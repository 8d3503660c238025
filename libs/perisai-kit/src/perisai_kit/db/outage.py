"""Distinguish outages, which pass, from errors of the work itself."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from perisai_kit.domain.errors import TooMany, Unavailable

_SQLSTATES = (
    "08",  # connection exceptions
    "25006",  # read only: the server has just become a standby
    "40",  # rolled back by the server: deadlock, serialization
    "53",  # insufficient resources: disk, memory, connections
    "55P03",  # a lock was not available in time
    "57P",  # shut down, starting, crashed
    "58",  # the server's own system errors
)
TRANSACTION_TIMEOUT = "25P04"
# Not these: work that always takes too long does not pass, although its connection was closed.
_OWN = {"57014", TRANSACTION_TIMEOUT}


def is_outage(error: BaseException) -> bool:
    """Tell whether the same work may succeed later without a change."""
    match error:
        case Unavailable() | TooMany() | OSError() | PoolTimeout():
            return True
        case DBAPIError():
            if _find_sqlstates(error.orig) & _OWN:
                return False
            return error.connection_invalidated or _passes(error.orig)
        case asyncpg.InternalClientError():
            return True  # a connection broke in the middle, or no server has the wanted role
        case asyncpg.InterfaceError():
            return not isinstance(error, ValueError)  # asyncpg's DataError: the value is wrong
        case _:
            return _passes(error)


def is_database_error(error: BaseException) -> bool:
    """Tell whether the database or its driver raised the error."""
    own = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return isinstance(error, (DBAPIError, PoolTimeout, *own))


def _passes(error: BaseException | None) -> bool:
    if error is not None and isinstance(error.__cause__, asyncpg.InternalClientError):
        return True  # in the wrapping of SQLAlchemy
    return str(getattr(error, "sqlstate", None) or "").startswith(_SQLSTATES)


def _find_sqlstates(error: BaseException | None) -> set[str]:
    """Return the codes of an error and of its causes: of a closed connection, why it was closed."""
    states = set()
    while error is not None:
        states.add(str(getattr(error, "sqlstate", None)))
        error = error.__cause__
    return states
