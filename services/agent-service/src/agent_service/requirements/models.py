import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index
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
