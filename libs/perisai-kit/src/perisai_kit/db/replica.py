"""Reads on a standby that never show less than the primary.

A standby lags behind by a millisecond, or by much more while it is busy. So before it is used, it
must have replayed everything that the primary had written when the read began. If it has not within
a moment, or does not answer, the read goes to the primary, and for a while all do.
"""

import asyncio
import time

from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from perisai_kit.db.outage import is_database_error, is_outage
from perisai_kit.runtime.log import get_logger

WRITTEN = text("SELECT CAST(pg_current_wal_flush_lsn() AS text)")
"""What the primary has written durably; every commit that was acknowledged is before it."""
_HAS_REPLAYED = text(
    "SELECT pg_is_in_recovery(),"
    " pg_last_wal_replay_lsn() >= CAST(CAST(:position AS text) AS pg_lsn)"
)

ANSWER_WITHIN_S = 0.25
"""How long a read waits for a standby, connecting included. The lag is 1 ms in the median and 170
ms at most at 1,000 payments a second: docs/scale.md."""
FIRST_PAUSE_S = 0.002
REST_S = {"late": 1.0, "away": 5.0, "promoted": 5.0}
"""How long all reads go to the primary after one that the standby could not answer."""

log = get_logger()

reads_total = Counter(
    "perisai_replica_reads_total",
    "Reads meant for the replica: answered by it, or why they went to the primary.",
    ["outcome"],
)


class Replica:
    """A standby of the primary, for reads."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._read_engine = engine.execution_options(postgresql_readonly=True)
        self._rests_until = 0.0

    def is_worth_asking(self) -> bool:
        """Tell whether the replica has not just failed to answer."""
        if time.monotonic() >= self._rests_until:
            return True
        reads_total.labels("resting").inc()
        return False

    async def open(self, position: str) -> AsyncSession | None:
        """Return a reading session on the replica, or None if the primary has to answer.

        position: in the primary's log, what the session must show.
        """
        session = AsyncSession(self._read_engine, expire_on_commit=False)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await _wait_for(session, position)
        except BaseException as error:  # noqa: BLE001 - `_explain` raises all it does not know
            await session.close()
            self._rest(_explain(error))
            return None
        reads_total.labels("answered").inc()
        return session

    def _rest(self, why: str) -> None:
        reads_total.labels(why).inc()
        self._rests_until = time.monotonic() + REST_S[why]
        log.warning("replica.skipped", reason=why, for_s=REST_S[why])


class Promoted(Exception):
    """The server is a primary: the address of the replica leads there after a failover."""


def _explain(error: BaseException) -> str:
    """Return why the replica did not answer. Raises: the error, if it is one of the work."""
    match error:
        case Promoted():
            return "promoted"
        case TimeoutError():
            return "late"
        case _ if is_outage(error) or is_database_error(error):
            return "away"
    raise error


async def _wait_for(session: AsyncSession, position: str) -> None:
    """Wait until a statement of the session sees everything up to the position.

    Raises: Promoted.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        row = await session.execute(_HAS_REPLAYED, {"position": position})
        is_standby, has_replayed = row.one()
        if not is_standby:
            raise Promoted
        if has_replayed:
            return
        await asyncio.sleep(pause_s)
        pause_s *= 2
