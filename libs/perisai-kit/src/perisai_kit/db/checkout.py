"""Check a pooled connection before it is used, as a rule without asking the server.

SQLAlchemy's own check (`pool_pre_ping`) sends three commands before each transaction. The driver
knows at once when a server closes a connection; only one that was idle for long may have been lost
on the way without a word.
"""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

PING_AFTER_S = 30.0
_USED_AT = "perisai_used_at"
"""The key in a connection's record: when it was given back, on the monotonic clock."""


def check_connections(engine: AsyncEngine, *, ping_after_s: float = PING_AFTER_S) -> None:
    """Replace closed connections of a pool before they are used.

    ping_after_s: how long a connection may be idle and still be used without a ping.
    """
    dialect = engine.sync_engine.dialect

    def check(dbapi_connection: Any, record: Any, _: object) -> None:
        if dbapi_connection.driver_connection.is_closed():
            raise DisconnectionError
        used_at = record.info.get(_USED_AT)
        if used_at is not None and time.monotonic() - used_at >= ping_after_s:
            try:
                dialect.do_ping(dbapi_connection)
            except Exception as error:
                raise DisconnectionError from error

    def record_use(dbapi_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    event.listen(engine.sync_engine, "checkout", check)
    event.listen(engine.sync_engine, "checkin", record_use)
