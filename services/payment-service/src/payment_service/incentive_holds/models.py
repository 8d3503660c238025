"""Holds on stated incentives, what each holds, and what two people decide on it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import (
    HoldKind,
    HoldProposalStatus,
    HoldReason,
    HoldStatus,
    HoldVerdict,
)
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class CauseDismissal(Base):
    """The dismissal of an agent for fraud, crime or gratification. Insert only."""

    __tablename__ = "cause_dismissals"

    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(primary_key=True)
    reason: Mapped[HoldReason] = mapped_column(choice(HoldReason, "reason"))


class IncentiveHold(Base):
    """What is held of one beneficiary for one reason; status and decided_at change once.

    dismissed_at: the dismissal for cause. An agent has at most one open hold of this kind: later
    statements are added to it.
    """

    __tablename__ = "incentive_holds"
    __table_args__ = (
        CheckConstraint("(kind = 'cause') = (dismissed_at IS NOT NULL)", name="dismissed_at"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided"),
        Index(
            "uq_incentive_holds_open",
            "beneficiary_id",
            unique=True,
            postgresql_where=text("kind = 'cause' AND status = 'open'"),
        ),
        Index("ix_incentive_holds_beneficiary_id_id", "beneficiary_id", "id"),
        Index("ix_incentive_holds_status_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[HoldKind] = mapped_column(choice(HoldKind, "kind"))
    reason: Mapped[HoldReason] = mapped_column(choice(HoldReason, "reason"))
    status: Mapped[HoldStatus] = mapped_column(choice(HoldStatus, "status"))
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    wadah_id: Mapped[UUID]
    branch_code: Mapped[str]
    region_code: Mapped[str]
    dismissed_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class HeldStatement(Base):
    """A statement of which a hold holds all that is payable, in rupiah. Insert only."""

    __tablename__ = "held_statements"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_held_statements_statement_id", "statement_id"),
    )

    hold_id: Mapped[UUID] = mapped_column(ForeignKey("incentive_holds.id"), primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[Month]
    amount: Mapped[int]
    held_at: Mapped[datetime]


class ForfeitSetOff(Base):
    """What of a held statement makes up for a debt of its beneficiary, in rupiah. Insert only.

    It counts until its hold is released, and is booked once that is forfeited. booked_at: when it
    was stored.
    """

    __tablename__ = "forfeit_set_offs"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        ForeignKeyConstraint(
            ["hold_id", "statement_id"],
            ["held_statements.hold_id", "held_statements.statement_id"],
            name="fk_forfeit_set_offs_hold_id_held_statements",
        ),
        Index("ix_forfeit_set_offs_hold_id_statement_id", "hold_id", "statement_id"),
        Index("ix_forfeit_set_offs_beneficiary_id", "beneficiary_id"),
        Index("ix_forfeit_set_offs_statement_id", "statement_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID]
    statement_id: Mapped[UUID]
    beneficiary_id: Mapped[UUID]
    amount: Mapped[int]
    booked_at: Mapped[datetime]


class HoldProposal(Base):
    """One person's proposal for a hold; another decides. At most one is open.

    amount: what was held when it was proposed.
    """

    __tablename__ = "incentive_hold_proposals"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        Index(
            "uq_incentive_hold_proposals_open",
            "hold_id",
            unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index("ix_incentive_hold_proposals_hold_id_id", "hold_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(ForeignKey("incentive_holds.id"))
    verdict: Mapped[HoldVerdict] = mapped_column(choice(HoldVerdict, "verdict"))
    amount: Mapped[int]
    status: Mapped[HoldProposalStatus] = mapped_column(choice(HoldProposalStatus, "status"))
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
