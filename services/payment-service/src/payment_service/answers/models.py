from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.answers.rules import AnswerOutcome
from payment_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class CoverageAnswer(Base):
    """The answer of member-service to an allocation; the highest number counts.

    months: those that count. withdrawn: those that no longer count. Both are text. Agent, wadah,
    branch and region are of the day of `counts_at`; without an agent the branch had the member.
    """

    __tablename__ = "coverage_answers"
    __table_args__ = (
        CheckConstraint("(outcome = 'declined') = (reason_code IS NOT NULL)", name="reason_code"),
        CheckConstraint(
            "outcome = 'declined' OR num_nulls(first_month, branch_code, region_code) = 0",
            name="registration",
        ),
        Index("uq_coverage_answers_bill_id", "bill_id", unique=True),
        Index("ix_coverage_answers_agent_id_counts_at", "agent_id", "counts_at"),
        Index(
            "ix_coverage_answers_declined",
            "payment_id",
            "allocation_id",
            postgresql_where=text("outcome = 'declined'"),
        ),
    )

    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    bill_id: Mapped[UUID]
    member_id: Mapped[UUID]
    answer_no: Mapped[int]
    counts_at: Mapped[datetime]
    outcome: Mapped[AnswerOutcome] = mapped_column(choice(AnswerOutcome, "outcome"))
    reason_code: Mapped[str | None]
    months: Mapped[list[str]] = mapped_column(JSONB)
    withdrawn: Mapped[list[str]] = mapped_column(JSONB)
    first_month: Mapped[Month | None]
    agent_id: Mapped[UUID | None]
    wadah_id: Mapped[UUID | None]
    branch_code: Mapped[str | None]
    region_code: Mapped[str | None]
    is_acquisition: Mapped[bool]
