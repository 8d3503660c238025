"""Disputes on commission lines, or on payments that earned nothing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.disputes.rules import DisputeStatus
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month
from perisai_kit.privacy.columns import sealed_text


class Dispute(Base):
    """A dispute of a beneficiary, until it is answered or withdrawn.

    line_id, earned_month: the disputed line. payment_id: of the line, or of what has none.
    reason, answer: free text that may name persons, so both are encrypted.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("(line_id IS NULL) = (earned_month IS NULL)", name="line"),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint(
            "(status IN ('answered_upheld', 'answered_corrected')) = (answer IS NOT NULL)",
            name="answer",
        ),
        Index(
            "uq_disputes_open",
            "beneficiary_id",
            "payment_id",
            "line_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_disputes_beneficiary_id_id", "beneficiary_id", "id"),
        Index(
            "ix_disputes_open_due_at",
            "due_at",
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_id: Mapped[UUID]
    member_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    line_id: Mapped[int | None]
    earned_month: Mapped[Month | None]
    reason = sealed_text()
    status: Mapped[DisputeStatus] = mapped_column(choice(DisputeStatus, "status"))
    opened_by: Mapped[UUID]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    answer = sealed_text(nullable=True)
    closed_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
