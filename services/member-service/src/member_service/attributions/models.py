import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.attributions.rules import AttributionReason
from member_service.base import Base, MonthText
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class Attribution(Base):
    """Insert only."""

    __tablename__ = "attributions"
    __table_args__ = (
        CheckConstraint("(agent_id IS NULL) = (wadah_id IS NULL)", name="agent_and_wadah"),
        Index(None, "member_id", "made_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    agent_id: Mapped[uuid.UUID | None]
    wadah_id: Mapped[uuid.UUID | None]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    from_month: Mapped[Month] = mapped_column(MonthText)
    reason: Mapped[AttributionReason] = mapped_column(choice(AttributionReason, "reason"))
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class KnownAgent(Base):
    """An agent as agent-service's feed tells; written only by its events."""

    __tablename__ = "known_agents"

    agent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    wadah_id: Mapped[uuid.UUID]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    is_at_work: Mapped[bool]
