from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from payment_service.scheme_comparisons.rules import ComparisonStatus
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class SchemeComparison(Base):
    """A question of one person, and how far the worker is with the answer.

    step_no: how many steps are stored. payment_count: how many are to be compared; None until they
    are counted. compared_count: those that are. waiting_count: those left out on both sides,
    because their commission was not computed. last_*: where the next step goes on. figures: by
    month; see `MonthFigures.as_stored`. failure_count: of failures in a row.
    """

    __tablename__ = "scheme_comparisons"
    __table_args__ = (
        CheckConstraint("first_month <= last_month", name="months"),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_at"),
        CheckConstraint("(failure_count = 0) = (failed_at IS NULL)", name="failed"),
        Index("ix_scheme_comparisons_open", "id", postgresql_where=text("status <> 'done'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scheme_id: Mapped[UUID]
    first_month: Mapped[Month]
    last_month: Mapped[Month]
    status: Mapped[ComparisonStatus] = mapped_column(choice(ComparisonStatus, "status"))
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime]
    step_no: Mapped[int]
    payment_count: Mapped[int | None]
    compared_count: Mapped[int]
    waiting_count: Mapped[int]
    last_agent_id: Mapped[UUID | None]
    last_counts_at: Mapped[datetime | None]
    last_allocation_id: Mapped[UUID | None]
    last_beneficiary_id: Mapped[UUID | None]
    figures: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    done_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    failure_count: Mapped[int]


class ComparedMonth(Base):
    """What a beneficiary's payments of a month earned, and would earn, in parts."""

    __tablename__ = "scheme_comparison_months"

    comparison_id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[Month] = mapped_column(primary_key=True)
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    actual_parts: Mapped[int]
    would_be_parts: Mapped[int]


class ComparedBeneficiary(Base):
    """What a beneficiary gets in all months, in rupiah.

    wadah_id: the latest known. brought_parts: the rest below a rupiah before the first month.
    """

    __tablename__ = "scheme_comparison_beneficiaries"
    __table_args__ = (
        CheckConstraint("brought_parts BETWEEN 0 AND 9999", name="brought_parts"),
        CheckConstraint("difference = would_be - actual", name="difference"),
        Index(
            "ix_scheme_comparison_beneficiaries_difference",
            "comparison_id",
            "beneficiary_kind",
            "difference",
            "beneficiary_id",
        ),
    )

    comparison_id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    wadah_id: Mapped[UUID | None]
    brought_parts: Mapped[int]
    actual: Mapped[int]
    would_be: Mapped[int]
    difference: Mapped[int]
