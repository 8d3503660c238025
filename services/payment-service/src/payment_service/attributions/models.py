from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
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

    Earlier periods stay, so that those who had the member learn that they have not any more.
    until_date: 9999-12-31 when no end is known. agent_sees: whether the agent may see the member.
    recorded_at: when the row was written last, by the clock of the database.
    """

    __tablename__ = "attribution_periods"
    # Whom somebody has today is read from the index alone: their bills are looked for next.
    __table_args__ = (
        Index(
            "ix_attribution_periods_agent_members",
            "agent_id",
            "member_id",
            postgresql_where=text("agent_id IS NOT NULL"),
            postgresql_include=["from_date", "until_date", "agent_sees"],
        ),
        Index(
            "ix_attribution_periods_wadah_members",
            "wadah_id",
            "member_id",
            postgresql_where=text("wadah_id IS NOT NULL"),
            postgresql_include=["from_date", "until_date"],
        ),
        Index(
            "ix_attribution_periods_branch_members",
            "branch_code",
            "member_id",
            postgresql_include=["from_date", "until_date"],
        ),
        Index(
            "ix_attribution_periods_region_members",
            "region_code",
            "member_id",
            postgresql_include=["from_date", "until_date"],
        ),
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
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
