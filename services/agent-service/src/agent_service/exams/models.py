import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base


class Exam(Base):
    __tablename__ = "application_exams"
    __table_args__ = (
        Index(None, "application_id", "id"),
        CheckConstraint("score >= 0", name="score"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    taken_on: Mapped[date]
    passed: Mapped[bool]
    score: Mapped[int | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[uuid.UUID]
