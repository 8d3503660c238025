"""The audit log of reads of personal data: one row for each request that shows persons.

`audit_read` names the persons that the answer of the present request shows. The route writes the
row before the answer is sent: `TransactionRoute` in its transaction, `ReadRoute` in one of its own.
So there is no answer without its row. What readers read of themselves is not recorded.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from sqlalchemy import DateTime, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.columns import KitBase
from perisai_kit.domain.ids import new_id

_persons: ContextVar[set[uuid.UUID] | None] = ContextVar("read_persons", default=None)


class ReadAudit(KitBase):
    """One request that showed personal data. Insert only.

    kind: the operation, such as `GET /v1/members/{member_id}`. ids: the persons, each by every id
    that the answer knows: of the member, of the agent, of the account. The other columns tell who
    the reader was at that time. Rows of an earlier version have no roles.
    """

    __tablename__ = "read_audits"
    __table_args__ = (
        Index("ix_read_audits_ids", "ids", postgresql_using="gin"),
        Index("ix_read_audits_account_id", "account_id", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    account_id: Mapped[uuid.UUID]
    client_id: Mapped[str | None]
    request_id: Mapped[str]
    kind: Mapped[str]
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid()))
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    scope_kind: Mapped[str | None] = mapped_column(Text)
    scope_code: Mapped[str | None] = mapped_column(Text)
    agent_id: Mapped[uuid.UUID | None]
    wadah_id: Mapped[uuid.UUID | None]


@contextmanager
def collect_read_persons() -> Iterator[set[uuid.UUID]]:
    """Collect the ids that `audit_read` is given inside of the block."""
    found: set[uuid.UUID] = set()
    token = _persons.set(found)
    try:
        yield found
    finally:
        _persons.reset(token)


def audit_read(ids: Iterable[uuid.UUID | None]) -> None:
    """Name persons whose data the answer of the present request shows; None is left out.

    Does nothing outside of a request. tests/contract/test_read_audits.py finds a route that shows
    persons and records nothing.
    """
    persons = _persons.get()
    if persons is not None:
        persons.update(each for each in ids if each is not None)
