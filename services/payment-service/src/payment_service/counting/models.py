from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, SmallInteger, bindparam, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from payment_service.agents.queries import wadah_on
from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.columns import choice
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month


class Watermark(Base):
    """One row: how far months are closed and counted. Counting and closing lock it first.

    closed_through: nothing is booked in this month and before. closing: the same month while its
    statements are being issued; None when they are complete. counted_through: the latest month
    that any allocation was counted for.
    """

    __tablename__ = "commission_watermark"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    closed_through: Mapped[Month | None]
    closing: Mapped[Month | None]
    counted_through: Mapped[Month | None]


class Wait(Base):
    """An allocation whose commission is to be computed, or computed anew; then the row is deleted.

    is_answered: member-service has answered; what is missing are agents' events up to counts_at,
    or only the next turn of the computation. counts_at: until then, when the allocation was made.
    """

    __tablename__ = "commission_waits"
    __table_args__ = (
        Index("ix_commission_waits_answered", "counts_at", postgresql_where=text("is_answered")),
    )

    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    counts_at: Mapped[datetime]
    is_answered: Mapped[bool]


class Acquisition(Base):
    """An allocation that acquired a member, as last computed, for the threshold of agent and month.

    agent_id: None where it counts for nobody, or is an acquisition no more.
    """

    __tablename__ = "commission_acquisitions"
    __table_args__ = (
        Index(
            "ix_commission_acquisitions_agent_id_month",
            "agent_id",
            "month",
            "counts_at",
            "allocation_id",
            postgresql_where=text("agent_id IS NOT NULL"),
        ),
    )

    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID | None]
    month: Mapped[Month]
    counts_at: Mapped[datetime]
    is_self_paid: Mapped[bool]


class Beneficiary(Base):
    """An agent or wadah that may earn, with its latest known wadah, branch and region.

    known_wadah_id: without moves to other wadahs. wadah_id: of today, with them.
    is_from_agent_service: an event of agent-service takes precedence over an answer of
    member-service. known_at: the instant of that event or answer.
    """

    __tablename__ = "commission_beneficiaries"

    beneficiary_id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    known_wadah_id: Mapped[UUID] = mapped_column("wadah_id")
    branch_code: Mapped[str]
    region_code: Mapped[str]
    is_from_agent_service: Mapped[bool]
    known_at: Mapped[datetime]

    wadah_id: Mapped[UUID] = column_property(
        wadah_on(
            beneficiary_id,
            bindparam("today", callable_=clock.today, type_=Date(), unique=True),
            otherwise=known_wadah_id,
        ),
        expire_on_flush=False,
    )
