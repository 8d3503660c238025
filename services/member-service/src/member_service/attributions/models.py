import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.attribution_periods.rules import AttributionReason, Decision, Place
from member_service.base import Base
from perisai_kit.db.columns import choice


class Attribution(Base):
    """A decision on the agent or branch of a member from a day on. Only a withdrawal changes it."""

    __tablename__ = "attributions"
    __table_args__ = (
        CheckConstraint("(agent_id IS NULL) = (wadah_id IS NULL)", name="agent_and_wadah"),
        CheckConstraint("num_nulls(withdrawn_by, withdrawn_at) IN (0, 2)", name="withdrawn"),
        Index(None, "member_id", "made_at"),
        Index(None, "agent_id", postgresql_where="agent_id IS NOT NULL"),
        Index(None, "handover_id", postgresql_where="handover_id IS NOT NULL"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    agent_id: Mapped[uuid.UUID | None]
    wadah_id: Mapped[uuid.UUID | None]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    from_date: Mapped[date]
    at_once: Mapped[bool]
    reason: Mapped[AttributionReason] = mapped_column(choice(AttributionReason, "reason"))
    handover_id: Mapped[uuid.UUID | None]
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def decision(self) -> Decision:
        return Decision(
            id=self.id,
            place=Place(self.agent_id, self.wadah_id, self.branch_code, self.region_code),
            from_date=self.from_date,
            at_once=self.at_once,
            reason=self.reason,
            made_at=self.made_at,
        )
