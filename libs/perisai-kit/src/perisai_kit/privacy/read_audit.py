"""The record of who read whose personal data."""

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
"""The mark in `session.info` for the readings that its transaction records."""


def get_reads(session: AsyncSession) -> list[tuple[str, tuple[uuid.UUID, ...]]]:
    """Return kind and ids of the readings of personal data that a transaction records."""
    return list(session.info.get(READS, ()))


class Reader(Protocol):
    """Who reads: the subject of a token."""

    @property
    def account_id(self) -> uuid.UUID: ...

    @property
    def client_id(self) -> str | None: ...


class ReadAudit(KitBase):
    """Who has seen whose unmasked data. Insert only."""

    __tablename__ = "read_audits"

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
    """Record that a subject reads personal data; call it once a request.

    kind: such as `member`. The row is written with the reading transaction: no record, no answer.
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
