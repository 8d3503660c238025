import uuid
from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base, MonthText
from member_service.risk_flags.rules import RiskFlag
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class AcquiredMember(Base):
    """An allocation that acquired a member, with what is compared. address_hash: keyed.

    agent_id: None where it is an acquisition of an agent no more. paying_account: as it
    is in `AllocationRow`. is_older: None where it was stored before anybody asked.
    """

    __tablename__ = "acquired_members"
    __table_args__ = (
        Index(
            "ix_acquired_members_agent_id_month",
            "agent_id",
            "month",
            postgresql_where=text("agent_id IS NOT NULL"),
        ),
        Index("ix_acquired_members_member_id", "member_id"),
    )

    allocation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    agent_id: Mapped[uuid.UUID | None]
    month: Mapped[Month] = mapped_column(MonthText)
    counts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    first_month: Mapped[Month] = mapped_column(MonthText)
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    batch_id: Mapped[uuid.UUID | None]
    paying_account: Mapped[str | None] = mapped_column(Text)
    is_older: Mapped[bool | None]


class RaisedFlag(Base):
    """A risk flag on an acquisition. Insert only: it stays, whatever is known later."""

    __tablename__ = "risk_flags"
    __table_args__ = (
        Index("uq_risk_flags_allocation_id_flag", "allocation_id", "flag", unique=True),
        Index("ix_risk_flags_agent_id_id", "agent_id", "id"),
        Index("ix_risk_flags_member_id", "member_id"),
        Index("ix_risk_flags_branch_code_id", "branch_code", "id"),
        Index("ix_risk_flags_region_code_id", "region_code", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    allocation_id: Mapped[uuid.UUID]
    flag: Mapped[RiskFlag] = mapped_column(choice(RiskFlag, "flag"))
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    agent_id: Mapped[uuid.UUID]
    month: Mapped[Month] = mapped_column(MonthText)
    counts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    branch_code: Mapped[str] = mapped_column(Text)
    region_code: Mapped[str] = mapped_column(Text)
    flagged_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
