import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base
from agent_service.requirements.rules import RequirementOutcome
from perisai_kit.db.columns import choice


class Check(Base):
    """The outcome of one check; the latest of a requirement counts."""

    __tablename__ = "application_checks"
    __table_args__ = (Index(None, "application_id", "requirement", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    requirement: Mapped[str]
    outcome: Mapped[RequirementOutcome] = mapped_column(choice(RequirementOutcome, "outcome"))
    reason_code: Mapped[str | None]
    checked_at: Mapped[datetime]
    checked_by: Mapped[uuid.UUID]


class Training(Base):
    __tablename__ = "application_trainings"
    __table_args__ = (Index(None, "application_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    completed_on: Mapped[date]
    certificate_no: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[uuid.UUID]


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
