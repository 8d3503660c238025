from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.ledger.rules import Cause, CauseKind, TransferCode
from perisai_kit.db.columns import one_of

PLAIN = Text(collation="C")
"""Compared byte by byte, which makes indexes cheap."""


class Transfer(Base):
    """Insert only: the application's role may neither change nor delete a row."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("debit_account <> credit_account", name="two_accounts"),
        CheckConstraint(one_of("code", TransferCode), name="code"),
        CheckConstraint("(code = 'correction') = (correction_of IS NOT NULL)", name="correction"),
        CheckConstraint(one_of("cause_kind", CauseKind), name="cause_kind"),
        # Nothing is taken back twice.
        Index(
            "uq_ledger_transfers_correction_of",
            "correction_of",
            unique=True,
            postgresql_where=text("correction_of IS NOT NULL"),
        ),
        Index("ix_ledger_transfers_cause_id_id", "cause_id", "id"),
        Index("ix_ledger_transfers_debit_account_id", "debit_account", "id"),
        Index("ix_ledger_transfers_credit_account_id", "credit_account", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    debit_account: Mapped[str] = mapped_column(PLAIN)
    credit_account: Mapped[str] = mapped_column(PLAIN)
    amount: Mapped[int]
    code: Mapped[str]
    cause_kind: Mapped[str]
    cause_id: Mapped[UUID]
    business_on: Mapped[date]
    booked_at: Mapped[datetime]
    correction_of: Mapped[int | None] = mapped_column(ForeignKey("ledger_transfers.id"))

    @property
    def cause(self) -> Cause:
        return Cause(CauseKind(self.cause_kind), self.cause_id)


class Posting(Base):
    """What was booked for a cause under a code, once. Insert only.

    An allocation needs none: its transfers are inserted together with it.
    """

    __tablename__ = "ledger_postings"

    cause_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)


class BalanceSnapshot(Base):
    """The sums of every account over all transfers up to and including `through_id`."""

    __tablename__ = "ledger_balance_snapshots"

    through_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(PLAIN, primary_key=True)
    debits: Mapped[int]
    credits: Mapped[int]
    taken_at: Mapped[datetime]
