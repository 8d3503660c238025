"""The library of the queue, imported when it is first used.

It brings a command line and a loop of its own, which a process that serves requests need not load.
"""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from pgqueuer.adapters.persistence.queries import Queries
    from pgqueuer.core.qm import QueueManager
    from pgqueuer.domain.types import QueueExecutionMode

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # the class has no parameter at run time

CHANNEL = "ch_pgqueuer"
NAMES = {
    "prefix": "",
    "channel": CHANNEL,
    "function": "fn_pgqueuer_changed",
    "statistics_table": "pgqueuer_statistics",
    "queue_status_type": "pgqueuer_status",
    "queue_table": "pgqueuer",
    "queue_table_log": "pgqueuer_log",
    "trigger": "tg_pgqueuer_changed",
    "schedules_table": "pgqueuer_schedules",
}
"""What the migration calls them. Named here, because the library reads `CHANNEL` and the like from
the environment."""


def make_queries(connection: Connection) -> "Queries":
    """Return the library's statements over a connection of the driver."""
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver  # noqa: PLC0415 - see above
    from pgqueuer.adapters.persistence import qb  # noqa: PLC0415 - see above
    from pgqueuer.adapters.persistence.queries import Queries  # noqa: PLC0415 - see above
    from pgqueuer.domain.settings import DBSettings  # noqa: PLC0415 - see above

    settings = DBSettings.model_validate(NAMES)
    return Queries(
        AsyncpgDriver(connection),
        qbe=qb.QueryBuilderEnvironment(settings),
        qbq=qb.QueryQueueBuilder(settings),
    )


def make_manager(connection: Connection) -> "QueueManager":
    """Return what takes jobs and runs them, over a connection in autocommit."""
    from pgqueuer.core.qm import QueueManager  # noqa: PLC0415 - see above
    from pgqueuer.domain.types import Channel  # noqa: PLC0415 - see above

    return QueueManager(make_queries(connection), channel=Channel(CHANNEL))


def get_drain_mode() -> "QueueExecutionMode":
    """Return the mode in which a manager stops once no job waits and none is in its hands."""
    from pgqueuer.domain.types import QueueExecutionMode  # noqa: PLC0415 - see above

    return QueueExecutionMode.drain
