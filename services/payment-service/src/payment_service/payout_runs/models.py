"""Runs of payouts: the proposal, the decision, the release, and how far the worker is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from payment_service.payees.rules import PayeeKind
from payment_service.payout_runs.rules import OmissionReason, RunKind, RunStatus
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class PayoutRun(Base):
    """Payouts of all that is owed through a month, or of tax, from one account.

    figures: counts and sums in rupiah, once it is prepared. begun_at: when the worker had chosen
    the statements. last_payee_id: how far the worker is, in preparing and then in releasing.
    begun_sending_at: when all its payouts had a transfer or were withdrawn. failure_count: of
    failures in a row, with the code of the last one.
    """

    __tablename__ = "payout_runs"
    __table_args__ = (
        CheckConstraint(
            "status = 'rejected' OR (status = 'preparing') = (prepared_at IS NULL)", name="prepared"
        ),
        CheckConstraint("prepared_at IS NULL OR figures IS NOT NULL", name="figures"),
        CheckConstraint(
            "(status IN ('preparing', 'proposed')) = (decided_at IS NULL)", name="decided"
        ),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint(
            "status IN ('preparing', 'proposed', 'rejected') OR decided_by <> proposed_by",
            name="four_eyes",
        ),
        CheckConstraint(
            "(status IN ('released', 'done')) = (released_at IS NOT NULL)", name="released"
        ),
        CheckConstraint(
            "(released_at IS NULL) = (released_by IS NULL) AND released_by <> proposed_by",
            name="released_by",
        ),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done"),
        CheckConstraint("(failure_count = 0) = (failed_at IS NULL)", name="failed"),
        Index("ix_payout_runs_status_id", "status", "id"),
        Index(
            "ix_payout_runs_open",
            "id",
            postgresql_where=text("status IN ('preparing', 'released')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[RunKind] = mapped_column(choice(RunKind, "kind"))
    through_month: Mapped[Month]
    payout_account_id: Mapped[UUID] = mapped_column(ForeignKey("payout_accounts.id"))
    status: Mapped[RunStatus] = mapped_column(choice(RunStatus, "status"))
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    prepared_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None]
    released_at: Mapped[datetime | None]
    begun_sending_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    last_payee_id: Mapped[UUID | None]
    failure_code: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    failure_count: Mapped[int]


class RunEntry(Base):
    """A statement that a run is about to pay. Work of the preparation, deleted at its end."""

    __tablename__ = "payout_run_entries"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_runs.id"), primary_key=True)
    payee_id: Mapped[UUID] = mapped_column(primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(primary_key=True)
    payee_kind: Mapped[PayeeKind] = mapped_column(choice(PayeeKind, "payee_kind"))
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    month: Mapped[Month]
    gross: Mapped[int]


class RunOmission(Base):
    """What a run leaves out of one payee for one reason; gross in rupiah. Insert only."""

    __tablename__ = "payout_run_omissions"
    __table_args__ = (CheckConstraint("statement_count > 0 AND gross > 0", name="amounts"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_runs.id"), primary_key=True)
    payee_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[OmissionReason] = mapped_column(
        choice(OmissionReason, "reason"), primary_key=True
    )
    payee_kind: Mapped[PayeeKind] = mapped_column(choice(PayeeKind, "payee_kind"))
    statement_count: Mapped[int]
    gross: Mapped[int]
