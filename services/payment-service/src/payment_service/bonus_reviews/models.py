"""Risk flags on acquisitions, reviews of an agent's month, and what officers decided on them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.bonus_reviews.rules import BonusReviewStatus, BonusReviewStep
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class FlaggedAcquisition(Base):
    """A risk flag of member-service on an acquisition. Insert only. month: when it counts."""

    __tablename__ = "flagged_acquisitions"
    __table_args__ = (Index("ix_flagged_acquisitions_agent_id_month", "agent_id", "month"),)

    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    flag: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    month: Mapped[Month]
    counts_at: Mapped[datetime]


class BonusReview(Base):
    """A review of the acquisition bonus of an agent's month; at most one is not released.

    refusal_proposed_by: who proposed last to refuse it.
    """

    __tablename__ = "bonus_reviews"
    __table_args__ = (
        CheckConstraint(
            "status NOT IN ('refusal_proposed', 'refused') OR refusal_proposed_by IS NOT NULL",
            name="refusal_proposed_by",
        ),
        Index(
            "uq_bonus_reviews_holding",
            "agent_id",
            "month",
            unique=True,
            postgresql_where=text("status <> 'released'"),
        ),
        Index("ix_bonus_reviews_agent_id_month", "agent_id", "month"),
        Index("ix_bonus_reviews_status_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID]
    month: Mapped[Month]
    status: Mapped[BonusReviewStatus] = mapped_column(choice(BonusReviewStatus, "status"))
    refusal_proposed_by: Mapped[UUID | None]
    opened_at: Mapped[datetime]


class BonusReviewRecord(Base):
    """A step of a review. Insert only. taken_by: None where it opened by itself."""

    __tablename__ = "bonus_review_steps"
    __table_args__ = (
        CheckConstraint("taken_by IS NOT NULL OR step = 'opened'", name="taken_by"),
        Index("ix_bonus_review_steps_review_id_id", "review_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    review_id: Mapped[UUID] = mapped_column(ForeignKey("bonus_reviews.id"))
    step: Mapped[BonusReviewStep] = mapped_column(choice(BonusReviewStep, "step"))
    taken_by: Mapped[UUID | None]
    taken_at: Mapped[datetime]
