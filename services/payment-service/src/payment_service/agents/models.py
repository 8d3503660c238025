from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.domain.programmes import PaymentMethod


class AgentDecision(Base):
    """A decision on whether an agent works. Insert only."""

    __tablename__ = "agent_decisions"

    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(primary_key=True)
    is_at_work: Mapped[bool] = mapped_column(primary_key=True)


class AgentWadahMove(Base):
    """A move of an agent to another wadah from a day on. is_cancelled: it does not take place."""

    __tablename__ = "agent_wadah_moves"
    __table_args__ = (
        Index(
            "ix_agent_wadah_moves_standing",
            "agent_id",
            "from_date",
            postgresql_where=text("NOT is_cancelled"),
        ),
    )

    move_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID]
    from_wadah_id: Mapped[UUID]
    wadah_id: Mapped[UUID]
    from_date: Mapped[date]
    is_cancelled: Mapped[bool]


class WadahAgreement(Base):
    """The days for which a wadah has an agreement, both included. Insert only.

    pays: who is paid the incentives of its agents; None leaves it to the scheme.
    """

    __tablename__ = "wadah_agreements"
    __table_args__ = (
        CheckConstraint("starts_on <= ends_on", name="days"),
        Index("ix_wadah_agreements_wadah_id", "wadah_id"),
    )

    agreement_id: Mapped[UUID] = mapped_column(primary_key=True)
    wadah_id: Mapped[UUID]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    pays: Mapped[PaymentMethod | None] = mapped_column(choice(PaymentMethod, "pays"))


class WadahTermination(Base):
    """The end of the cooperation with a wadah. Insert only."""

    __tablename__ = "wadah_terminations"

    wadah_id: Mapped[UUID] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime]
