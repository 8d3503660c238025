"""Payouts, the statements they pay, and tax that is passed on to the state."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from payment_service.payouts.rules import PayoutPayee, PayoutStatus, WithdrawalReason
from payment_service.taxes.rules import TaxKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month
from perisai_kit.privacy.columns import sealed_text


class Payout(Base):
    """What one run pays to one payee, to the bank account that was current when it was prepared.

    part: from 1; more where the sum is above what one transfer may carry. payee_id: of tax for the
    state, the payout's own id. gross, tax, amount: rupiah; what is sent is
    gross less tax. month: the last one that the run pays for. Its status is that of its last
    transfer. withdrawn_at: it will not be sent (again); its items are not live. withdrawn_by: the
    officer; None: the worker.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        UniqueConstraint("run_id", "payee_id", "part"),
        CheckConstraint("part > 0", name="part"),
        CheckConstraint("tax >= 0 AND amount > 0 AND amount = gross - tax", name="amount"),
        CheckConstraint(
            "(payee_kind = 'treasury') = (bank_account_id IS NULL)", name="bank_account_id"
        ),
        CheckConstraint(
            "(status IN ('paid', 'failed', 'returned')) = (settled_at IS NOT NULL)", name="settled"
        ),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name="withdrawn_reason"
        ),
        CheckConstraint(
            "withdrawn_at IS NULL OR status IN ('created', 'failed')", name="withdrawn"
        ),
        Index("ix_payouts_run_id_id", "run_id", "id"),
        Index("ix_payouts_payee_id_id", "payee_id", "id"),
        Index("ix_payouts_status_id", "status", "id"),
        Index(
            "ix_payouts_paid_to_wadahs",
            "settled_at",
            "id",
            postgresql_where=text("payee_kind = 'wadah' AND status = 'paid'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("payout_runs.id"))
    payout_account_id: Mapped[UUID] = mapped_column(ForeignKey("payout_accounts.id"))
    payee_kind: Mapped[PayoutPayee] = mapped_column(choice(PayoutPayee, "payee_kind"))
    payee_id: Mapped[UUID]
    part: Mapped[int] = mapped_column(server_default="1")
    month: Mapped[Month]
    gross: Mapped[int]
    tax: Mapped[int]
    amount: Mapped[int]
    bank_account_id: Mapped[UUID | None]
    bank_code: Mapped[str]
    account_no = sealed_text()
    holder_name = sealed_text()
    status: Mapped[PayoutStatus] = mapped_column(choice(PayoutStatus, "status"))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[WithdrawalReason | None] = mapped_column(
        choice(WithdrawalReason, "withdrawn_reason_value")
    )
    withdrawn_by: Mapped[UUID | None]


class PayoutItem(Base):
    """A statement that a payout pays, with its part of the tax, in rupiah.

    gross: what the statement gives, less set_off: a debt of its beneficiary that is deducted; it
    may be all of it where the payout pays later statements.
    is_live: false once its payout was withdrawn or returned. A statement has one live item at most.
    """

    __tablename__ = "payout_items"
    __table_args__ = (
        UniqueConstraint("payout_id", "statement_id"),
        CheckConstraint(
            "set_off >= 0 AND gross >= 0 AND gross + set_off > 0 AND tax BETWEEN 0 AND gross",
            name="amounts",
        ),
        Index(
            "ix_payout_items_set_off",
            "beneficiary_id",
            postgresql_include=["set_off"],
            postgresql_where=text("is_live AND set_off > 0"),
        ),
        Index(
            "uq_payout_items_live",
            "statement_id",
            unique=True,
            postgresql_where=text("is_live"),
        ),
        Index("ix_payout_items_statement_id_id", "statement_id", "id"),
        Index("ix_payout_items_beneficiary_id_id", "beneficiary_id", "id"),
        # With all that is shown of an agent's part: those who answered are passed over by it.
        Index(
            "ix_payout_items_agents",
            "payout_id",
            "beneficiary_id",
            postgresql_include=["month", "gross", "tax"],
            postgresql_where=text("beneficiary_kind = 'agent' AND gross > tax"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"))
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statements.id"))
    month: Mapped[Month]
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    set_off: Mapped[int] = mapped_column(server_default="0")
    gross: Mapped[int]
    tax: Mapped[int]
    is_live: Mapped[bool]


class PayoutRemittance(Base):
    """Withheld tax of one kind and month of payment that a payout is to pass on to the state.

    amount: rupiah. billing_code: of the tax authority. is_open: until its payout is paid, withdrawn
    or returned; a kind and month has one open remittance at most.
    """

    __tablename__ = "payout_remittances"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("tax_kind <> 'none'", name="taxed"),
        Index(
            "uq_payout_remittances_open",
            "tax_kind",
            "month",
            unique=True,
            postgresql_where=text("is_open"),
        ),
        Index("ix_payout_remittances_month", "month"),
    )

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"), primary_key=True)
    tax_kind: Mapped[TaxKind] = mapped_column(choice(TaxKind, "tax_kind"))
    month: Mapped[Month]
    amount: Mapped[int]
    billing_code: Mapped[str]
    is_open: Mapped[bool]
