import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.attribution_periods.rules import (
    AttributionPeriod,
    AttributionReason,
    DecisionKind,
    Place,
)
from member_service.base import Base, MonthText
from member_service.registrations.rules import EndReason
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class AttributionPeriodRow(Base):
    """An attribution period of a member, as the rules judged it.

    until_date: the first day of the next period; 9999-12-31 when none is known. attribution_id: the
    decision in force. attribution_no: rises by one each time that the member's periods change.
    enrolled_at, ends_on, end_reason, first_unpaid and unpaid_months are copied from the member, so
    that a list needs only one index. recorded_at: when the row was written, by the clock of the
    database.
    """

    __tablename__ = "attribution_periods"
    __table_args__ = (
        CheckConstraint("(agent_id IS NULL) = (wadah_id IS NULL)", name="agent_and_wadah"),
        CheckConstraint("from_date < until_date", name="dates"),
        Index(
            "ix_attribution_periods_agent_id",
            "agent_id",
            "enrolled_at",
            "member_id",
            postgresql_where=text("agent_id IS NOT NULL"),
        ),
        Index(
            "ix_attribution_periods_wadah_id",
            "wadah_id",
            "enrolled_at",
            "member_id",
            postgresql_where=text("wadah_id IS NOT NULL"),
        ),
        Index("ix_attribution_periods_branch_ends", "branch_code", "ends_on", "member_id"),
        Index(None, "ends_on", "member_id"),
        Index(
            "ix_attribution_periods_ended",
            "ends_on",
            "member_id",
            postgresql_where=text("end_reason <> 'lapsed'"),
        ),
        Index(
            "ix_attribution_periods_without_agent",
            "branch_code",
            "enrolled_at",
            "member_id",
            postgresql_where=text("agent_id IS NULL"),
        ),
        Index(None, "enrolled_at", "member_id"),
        Index(None, "from_date", "member_id"),
        Index(
            "ix_attribution_periods_over",
            "member_id",
            postgresql_where=text("until_date < '9999-12-31'"),
        ),
        Index("ix_attribution_periods_branch_code", "branch_code", "enrolled_at", "member_id"),
        Index("ix_attribution_periods_region_code", "region_code", "enrolled_at", "member_id"),
    )

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    from_date: Mapped[date] = mapped_column(primary_key=True)
    until_date: Mapped[date]
    agent_id: Mapped[uuid.UUID | None]
    wadah_id: Mapped[uuid.UUID | None]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    reason: Mapped[AttributionReason] = mapped_column(choice(AttributionReason, "reason"))
    attribution_id: Mapped[uuid.UUID]
    agent_sees: Mapped[bool]
    attribution_no: Mapped[int]
    enrolled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    first_unpaid: Mapped[Month | None] = mapped_column(MonthText)
    ends_on: Mapped[date | None]
    end_reason: Mapped[EndReason | None] = mapped_column(choice(EndReason, "end_reason"))
    unpaid_months: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    @property
    def period(self) -> AttributionPeriod:
        return AttributionPeriod(
            from_date=self.from_date,
            until_date=self.until_date,
            place=Place(self.agent_id, self.wadah_id, self.branch_code, self.region_code),
            reason=self.reason,
            attribution_id=self.attribution_id,
            agent_sees=self.agent_sees,
        )


class KnownAgent(Base):
    """An agent according to the feed of agent-service; only its events write here."""

    __tablename__ = "known_agents"

    agent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID]
    wadah_id: Mapped[uuid.UUID]
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)


class AgentWadahMove(Base):
    """A move of an agent to another wadah of the branch from a day on, from agent-service.

    is_cancelled: it does not take place.
    """

    __tablename__ = "agent_wadah_moves"
    __table_args__ = (Index(None, "agent_id"),)

    move_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID]
    from_wadah_id: Mapped[uuid.UUID]
    wadah_id: Mapped[uuid.UUID]
    from_date: Mapped[date]
    is_cancelled: Mapped[bool]


class AgentDecision(Base):
    """A decision of agent-service on an agent, with its time. Insert only."""

    __tablename__ = "agent_decisions"

    agent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    kind: Mapped[DecisionKind] = mapped_column(choice(DecisionKind, "kind"), primary_key=True)
