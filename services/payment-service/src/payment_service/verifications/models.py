"""Verifications of closed months, and who asked for a further one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.verifications.rules import Counts, Verified, find_verdict
from perisai_kit.domain.month import Month


class VerificationRequest(Base):
    """An officer's request to verify a month once more. Insert only."""

    __tablename__ = "month_verification_requests"
    __table_args__ = (Index("ix_month_verification_requests_month_id", "month", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[Month]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime]


class MonthVerification(Base):
    """A verification of a month: one run of verify.sql. Insert only.

    sql_sha256: of the text that was run. The figures are those of `rules.Opinion`. differences:
    the first of them, with ids and without personal data.
    """

    __tablename__ = "month_verifications"
    __table_args__ = (
        CheckConstraint("left_out_count BETWEEN 0 AND allocation_count", name="left_out_count"),
        CheckConstraint("difference_count >= 0", name="difference_count"),
        CheckConstraint(
            "difference_count > 0 OR booked_parts = computed_parts"
            " AND stated_amount = computed_amount",
            name="agrees",
        ),
        Index("ix_month_verifications_month_id", "month", "id"),
        Index("uq_month_verifications_request_id", "request_id", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[Month]
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("month_verification_requests.id"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    sql_sha256: Mapped[str]
    allocation_count: Mapped[int]
    left_out_count: Mapped[int]
    line_count: Mapped[int]
    booked_parts: Mapped[int]
    computed_parts: Mapped[int]
    statement_count: Mapped[int]
    stated_amount: Mapped[int]
    computed_amount: Mapped[int]
    transfer_count: Mapped[int]
    difference_count: Mapped[int]
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)

    @property
    def verdict(self) -> Verified:
        """What it says of the month."""
        return find_verdict(Counts(self.difference_count, self.left_out_count))
