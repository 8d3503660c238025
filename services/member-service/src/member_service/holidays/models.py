import uuid
from datetime import date, datetime

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base


class HolidayCorrection(Base):
    """An officer's correction of the published holidays; the newest one counts. Insert only."""

    __tablename__ = "holiday_corrections"
    __table_args__ = (Index(None, "day", "made_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date]
    is_holiday: Mapped[bool]
    name: Mapped[str] = mapped_column(Text)
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
