import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from member_service.attribution_periods.rules import AttributionReason
from member_service.base import Base
from perisai_kit.db.columns import choice


class Handover(Base):
    """A hand-over of a book. Its attributions show the result for each member.

    request_hash: detects another request under the same id. branch_code: of the
    members now. skipped: how many members stayed, by reason.
    """

    __tablename__ = "handovers"
    __table_args__ = (
        CheckConstraint("num_nulls(withdrawn_by, withdrawn_at) IN (0, 2)", name="withdrawn"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    from_agent_id: Mapped[uuid.UUID]
    to_agent_id: Mapped[uuid.UUID | None]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    from_date: Mapped[date]
    at_once: Mapped[bool]
    reason: Mapped[AttributionReason] = mapped_column(choice(AttributionReason, "reason"))
    member_count: Mapped[int]
    skipped: Mapped[dict[str, int]] = mapped_column(JSONB)
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
