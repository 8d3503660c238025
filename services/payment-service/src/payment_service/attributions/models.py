from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base


class AttributedMember(Base):
    """A member, with the number of the latest attribution; lower numbers are ignored."""

    __tablename__ = "attributed_members"
    __table_args__ = ()

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    attribution_no: Mapped[int]


class AttributionPeriod(Base):
    """Who cares for a member from a day until another, which is not included.

    until_date: 9999-12-31 when no end is known. agent_sees: whether the agent may see the member.
    """

    __tablename__ = "attribution_periods"
    __table_args__ = (
        Index(
            "ix_attribution_periods_agent_id",
            "agent_id",
            postgresql_where=text("agent_id IS NOT NULL"),
        ),
        Index(
            "ix_attribution_periods_wadah_id",
            "wadah_id",
            postgresql_where=text("wadah_id IS NOT NULL"),
        ),
        Index("ix_attribution_periods_branch_code", "branch_code"),
        Index("ix_attribution_periods_region_code", "region_code"),
    )

    member_id: Mapped[UUID] = mapped_column(
        ForeignKey("attributed_members.member_id"), primary_key=True
    )
    from_date: Mapped[date] = mapped_column(primary_key=True)
    until_date: Mapped[date]
    agent_id: Mapped[UUID | None]
    wadah_id: Mapped[UUID | None]
    branch_code: Mapped[str]
    region_code: Mapped[str]
    agent_sees: Mapped[bool]
