import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base
from member_service.enrolments.rules import RowStatus
from perisai_kit.db.columns import choice


class EnrolmentBatch(Base):
    """A batch of rows under an id that the client makes. Insert only.

    content_hash: keyed, because the rows themselves are personal data.
    """

    __tablename__ = "enrolment_batches"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
    agent_id: Mapped[uuid.UUID | None]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class EnrolmentRow(Base):
    """The verdict on one row; `row` counts from 0. Insert only."""

    __tablename__ = "enrolment_rows"
    __table_args__ = (Index(None, "member_id"),)

    batch_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("enrolment_batches.id"), primary_key=True
    )
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    row_id: Mapped[uuid.UUID | None]
    status: Mapped[RowStatus] = mapped_column(choice(RowStatus, "status"))
    code: Mapped[str | None] = mapped_column(Text)
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    member_id: Mapped[uuid.UUID | None]
