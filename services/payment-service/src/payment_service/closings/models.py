from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.agents.rules import HeldReason
from payment_service.base import Base
from payment_service.closings.rules import ClosingStatus
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class Closing(Base):
    """One person's proposal to close a month, another's decision, and how far the worker is.

    figures: what the dry run said when it was proposed. closed_at: the instant of the close, from
    which on nothing is booked in the month. beneficiary_count: how many statements there will be;
    None until the lines are added up. statement_count, last_beneficiary_id: how far they are
    issued. failure_count: of failures in a row, with the code of the last one.
    """

    __tablename__ = "month_closings"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint(
            "status IN ('proposed', 'rejected') OR decided_by <> proposed_by", name="four_eyes"
        ),
        CheckConstraint(
            "(status IN ('running', 'done')) = (closed_at IS NOT NULL)", name="closed_at"
        ),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_at"),
        CheckConstraint("status <> 'done' OR statement_count = beneficiary_count", name="complete"),
        CheckConstraint("(failure_count = 0) = (failed_at IS NULL)", name="failed"),
        Index(
            "uq_month_closings_month",
            "month",
            unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index(
            "ix_month_closings_open",
            "month",
            postgresql_where=text("status IN ('confirmed', 'running')"),
        ),
        Index("ix_month_closings_month_id", "month", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[Month]
    status: Mapped[ClosingStatus] = mapped_column(choice(ClosingStatus, "status"))
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    beneficiary_count: Mapped[int | None]
    statement_count: Mapped[int]
    last_beneficiary_id: Mapped[UUID | None]
    done_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    failure_count: Mapped[int]


class ClosingEntry(Base):
    """A beneficiary as of the instant of a close, and what is booked for it in the month.

    Work of a running close, deleted at its end: what is known of beneficiaries may change while the
    statements are issued. line_count, parts: None until added up, and where nothing is booked.
    """

    __tablename__ = "month_closing_entries"

    month: Mapped[Month] = mapped_column(primary_key=True)
    beneficiary_id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    wadah_id: Mapped[UUID]
    branch_code: Mapped[str]
    region_code: Mapped[str]
    held_reason: Mapped[HeldReason | None] = mapped_column(choice(HeldReason, "held_reason"))
    line_count: Mapped[int | None]
    contribution_parts: Mapped[int | None]
    acquisition_parts: Mapped[int | None]
    override_parts: Mapped[int | None]
