from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.payout_files.rules import AnswerStatus
from payment_service.payout_formats.rules import Outcome
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_bytes


class PayoutFile(Base):
    """A file for a bank: its transfers were marked as sent when it was made. Insert only.

    content: the bytes that are given out, always the same. amount: of all rows, in rupiah.
    """

    __tablename__ = "payout_files"
    __table_args__ = (
        CheckConstraint("row_count > 0 AND amount > 0", name="rows"),
        Index("ix_payout_files_run_id_id", "run_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_runs.id"))
    payout_account_id: Mapped[UUID] = mapped_column(ForeignKey("payout_accounts.id"))
    file_format: Mapped[str]
    row_count: Mapped[int]
    amount: Mapped[int]
    content = sealed_bytes()
    made_by: Mapped[UUID]
    made_at: Mapped[datetime]


class PayoutFileRow(Base):
    """A transfer in a file; it is in one file for ever. Insert only."""

    __tablename__ = "payout_file_rows"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("payout_files.id"), primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("payout_transfers.id"), unique=True)


class PayoutAnswer(Base):
    """A bank's answer to a file: uploaded by one officer, confirmed by another, then applied.

    digest: SHA-256 of the content, by which a repeat is known. paid_amount and so on: rupiah of the
    rows. applied_count: how many rows are applied. refused_count: those of them that the status of
    the transfer did not allow any more.
    """

    __tablename__ = "payout_answers"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint(
            "status NOT IN ('confirmed', 'done') OR decided_by <> proposed_by", name="four_eyes"
        ),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_at"),
        CheckConstraint("status <> 'done' OR applied_count = row_count", name="complete"),
        Index(
            "uq_payout_answers_open",
            "file_id",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'confirmed')"),
        ),
        Index(
            "uq_payout_answers_digest",
            "file_id",
            "digest",
            unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index("ix_payout_answers_confirmed", "id", postgresql_where=text("status = 'confirmed'")),
        Index("ix_payout_answers_file_id_id", "file_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("payout_files.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    content = sealed_bytes()
    status: Mapped[AnswerStatus] = mapped_column(choice(AnswerStatus, "status"))
    row_count: Mapped[int]
    paid_amount: Mapped[int]
    failed_amount: Mapped[int]
    returned_amount: Mapped[int]
    applied_count: Mapped[int]
    refused_count: Mapped[int]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class PayoutAnswerRow(Base):
    """A row of an answer. Insert only. position: from 1, without a gap.

    executed_on: the day on which the bank paid, or gave the money back, by the bank or by the
    officer who uploaded the answer; None: no money moved, or an older version stored the row.
    """

    __tablename__ = "payout_answer_rows"
    __table_args__ = (UniqueConstraint("answer_id", "transfer_id"),)

    answer_id: Mapped[UUID] = mapped_column(ForeignKey("payout_answers.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("payout_transfers.id"))
    outcome: Mapped[Outcome] = mapped_column(choice(Outcome, "outcome"))
    reference_no: Mapped[str | None]
    response_code: Mapped[str | None]
    executed_on: Mapped[date | None]
