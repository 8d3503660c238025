"""Leases with a fence, for work that one process at a time may do.

A lease is a row. Its holder renews it, and cancels its own work in time if a renewal fails. Another
process takes the lease only after it has expired by the clock of the database. A process that was
suspended meanwhile still cannot write: each of its transactions first locks the fence, a number
that changes with every new holder.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import BigInteger, DateTime, Text, UniqueConstraint, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.columns import KitBase
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import get_logger

TAKE_TIMEOUT = "5s"
"""How long to wait for open transactions of the former holder."""

LOCK_NOT_AVAILABLE = "55P03"

Result = TypeVar("Result")

log = get_logger()


class LeaseRow(KitBase):
    __tablename__ = "periodic_leases"
    __table_args__ = (UniqueConstraint("name", "fence"),)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LeaseLost(RuntimeError):
    """The work was cancelled or rolled back, because another process may hold the lease."""


# Because of the unique index on name and fence, a change of the fence waits for transactions that
# hold the row FOR KEY SHARE. A renewal changes neither and does not wait.
_TAKE = text(
    """
    INSERT INTO periodic_leases AS lease (name, fence, expires_at)
    VALUES (:name, 1, clock_timestamp() + :length)
    ON CONFLICT (name) DO UPDATE
    SET fence = lease.fence + 1, expires_at = clock_timestamp() + :length
    WHERE lease.expires_at <= clock_timestamp()
    RETURNING fence
    """
)
_CHECK = text("SELECT 1 FROM periodic_leases WHERE name = :name AND fence = :fence FOR KEY SHARE")
_RENEW = text(
    "UPDATE periodic_leases SET expires_at = clock_timestamp() + :length"
    " WHERE name = :name AND fence = :fence AND expires_at > clock_timestamp() RETURNING 1"
)
_GIVE_BACK = text(
    "UPDATE periodic_leases SET expires_at = clock_timestamp()"
    " WHERE name = :name AND fence = :fence"
)


@dataclass(slots=True)
class Lease:
    """A lease that was taken. length_s: the time until it expires without a renewal."""

    database: Database
    name: str
    fence: int
    length_s: float
    renewed_at: float

    async def run(self, work: Callable[[Database], Awaitable[Result]]) -> Result:
        """Do the work and give the lease back.

        work: gets the database to use; its transactions fail after the lease is lost.
        Raises: LeaseLost, with the work cancelled.
        """
        working = asyncio.ensure_future(work(self.database.with_guard(self.check)))
        keeping = asyncio.ensure_future(self._keep())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise LeaseLost(self.name)
            return await working
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.wait({working, keeping})
            for task in (working, keeping):
                if not task.cancelled():
                    task.exception()  # marked as retrieved: the first failure is raised
            await self._give_back()

    async def check(self, session: AsyncSession) -> None:
        """Lock the lease against another holder until the transaction ends. Raises: LeaseLost."""
        named = {"name": self.name, "fence": self.fence}
        if await session.scalar(_CHECK, named) is None:
            raise LeaseLost(self.name)

    async def _keep(self) -> None:
        """Renew the lease until it is lost or may soon be lost."""
        while (left := self._left_s()) > 0:
            await asyncio.sleep(min(self.length_s / 6, left))
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(max(self._left_s(), 0)):
                    if not await self._renew():
                        return
                self.renewed_at = asked_at
            except Exception as error:  # noqa: BLE001 - any failure means that nothing was renewed
                log.warning("lease.not_renewed", name=self.name, error=type(error).__name__)

    def _left_s(self) -> float:
        """Return how long the work may go on without a renewal: less than the lease."""
        return self.renewed_at + self.length_s * 5 / 6 - time.monotonic()

    async def _renew(self) -> bool:
        async with self.database.begin() as session:
            length = timedelta(seconds=self.length_s)
            renewed = await session.scalar(
                _RENEW, {"name": self.name, "fence": self.fence, "length": length}
            )
        return renewed is not None

    async def _give_back(self) -> None:
        try:
            async with self.database.begin() as session:
                await session.execute(_GIVE_BACK, {"name": self.name, "fence": self.fence})
        except (SQLAlchemyError, OSError) as error:
            # It expires anyway.
            log.warning("lease.not_returned", name=self.name, error=type(error).__name__)


async def take_lease(database: Database, name: str, *, length_s: float) -> Lease | None:
    """Take the lease of this name, or return None while another holds it."""
    asked_at = time.monotonic()
    try:
        fence = await _take(database, name, length_s)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        return None
    return None if fence is None else Lease(database, name, fence, length_s, asked_at)


async def _take(database: Database, name: str, length_s: float) -> int | None:
    wanted = {"name": name, "length": timedelta(seconds=length_s)}
    async with database.begin() as session:
        await session.execute(text(f"SET LOCAL lock_timeout = '{TAKE_TIMEOUT}'"))
        taken: int | None = await session.scalar(_TAKE, wanted)
        return taken
