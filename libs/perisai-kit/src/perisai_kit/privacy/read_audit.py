"""The audit log of reads of personal data."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ARRAY, DateTime, Uuid
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.columns import KitBase
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

READS = "reads"
"""The key in `session.info` for the audited reads of the transaction."""


def get_reads(session: AsyncSession) -> list[tuple[str, tuple[uuid.UUID, ...]]]:
    """Return kind and ids of the audited reads of a transaction."""
    return list(session.info.get(READS, ()))


class Reader(Protocol):
    """The principal that reads."""

    @property
    def account_id(self) -> uuid.UUID: ...

    @property
    def client_id(self) -> str | None: ...


class ReadAudit(KitBase):
    """One read of unmasked personal data. Insert only."""

    __tablename__ = "read_audits"
    __table_args__ = {"postgresql_partition_by": "RANGE (id)"}  # noqa: RUF012 - as SQLAlchemy has it

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    account_id: Mapped[uuid.UUID]
    client_id: Mapped[str | None]
    request_id: Mapped[str]
    kind: Mapped[str]
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid()))


async def audit_read(
    session: AsyncSession, reader: Reader, *, kind: str, ids: Sequence[uuid.UUID], request_id: str
) -> None:
    """Record that a principal reads personal data.

    kind: such as `member`. The row is part of the transaction, so that there is no answer without
    it.
    """
    if not ids:
        return
    session.info.setdefault(READS, []).append((kind, tuple(ids)))
    session.add(
        ReadAudit(
            at=clock.now(),
            account_id=reader.account_id,
            client_id=reader.client_id,
            request_id=request_id,
            kind=kind,
            ids=list(ids),
        )
    )
    await session.flush()
