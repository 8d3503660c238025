import uuid
from datetime import date, datetime

from sqlalchemy import DateTime, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base
from member_service.registrations.rules import EndReason
from perisai_kit.db.columns import choice


class ReportedEnding(Base):
    """An officer's report that a membership ends after a day; only a withdrawal changes it."""

    __tablename__ = "reported_endings"
    __table_args__ = (Index(None, "member_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    last_day: Mapped[date]
    reason: Mapped[EndReason] = mapped_column(choice(EndReason, "reason"))
    reported_by: Mapped[uuid.UUID]
    reported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
