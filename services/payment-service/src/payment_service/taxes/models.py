"""What is computed before a payout, what is withheld when it is paid, and what is remitted."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from payment_service.payees.rules import PayeeKind
from payment_service.taxes.rules import TaxCause, TaxKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month
from perisai_kit.domain.nik import NikStatus


class TaxComputation(Base):
    """The tax of what one beneficiary is to be paid in a payout, in rupiah. Insert only.

    has_npwp, nik_status, tax_identity_id: what was known; no tax identity where nothing was.
    """

    __tablename__ = "tax_computations"
    __table_args__ = (
        UniqueConstraint("payout_id", "beneficiary_id"),
        CheckConstraint("gross > 0 AND base >= 0 AND amount BETWEEN 0 AND gross", name="amounts"),
        CheckConstraint("(kind = 'none') = (table_version IS NULL)", name="version"),
        CheckConstraint("kind <> 'none' OR (base = 0 AND NOT surcharged)", name="untaxed"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID]
    payee_kind: Mapped[PayeeKind] = mapped_column(choice(PayeeKind, "payee_kind"))
    payee_id: Mapped[UUID]
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    kind: Mapped[TaxKind] = mapped_column(choice(TaxKind, "kind"))
    gross: Mapped[int]
    base: Mapped[int]
    amount: Mapped[int]
    surcharged: Mapped[bool]
    table_version: Mapped[str | None]
    tax_identity_id: Mapped[UUID | None]
    has_npwp: Mapped[bool]
    nik_status: Mapped[NikStatus | None] = mapped_column(choice(NikStatus, "nik_status"))
    computed_on: Mapped[date]


class TaxComputationItem(Base):
    """The share of one payout item in a computation; they add up to it. Insert only."""

    __tablename__ = "tax_computation_items"
    __table_args__ = (
        CheckConstraint("gross >= 0 AND amount BETWEEN 0 AND gross", name="amounts"),
        Index(None, "computation_id"),
    )

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    computation_id: Mapped[UUID] = mapped_column(ForeignKey("tax_computations.id"))
    gross: Mapped[int]
    amount: Mapped[int]


class Withholding(Base):
    """A computation that became true when its payout was paid. Insert only.

    Where the bank returns the money, a further row with the amounts below zero names the first in
    `reverses`. paid_on: the Jakarta day of the payment, or of its return. month: that of the
    payment, also in the row that reverses it.
    """

    __tablename__ = "withholdings"
    __table_args__ = (
        UniqueConstraint("computation_id", "cause"),
        UniqueConstraint("reverses"),
        CheckConstraint("(cause = 'returned') = (reverses IS NOT NULL)", name="reverses"),
        CheckConstraint("sign(gross) = CASE cause WHEN 'paid' THEN 1 ELSE -1 END", name="sign"),
        CheckConstraint(
            "sign(base) IN (0, sign(gross)) AND sign(amount) IN (0, sign(gross))", name="signs"
        ),
        Index(None, "payout_id"),
        Index("ix_withholdings_month_id", "month", "id"),
        Index("ix_withholdings_beneficiary_id_month", "beneficiary_id", "month"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    computation_id: Mapped[UUID] = mapped_column(ForeignKey("tax_computations.id"))
    payout_id: Mapped[UUID]
    payee_kind: Mapped[PayeeKind] = mapped_column(choice(PayeeKind, "payee_kind"))
    payee_id: Mapped[UUID]
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    kind: Mapped[TaxKind] = mapped_column(choice(TaxKind, "kind"))
    gross: Mapped[int]
    base: Mapped[int]
    amount: Mapped[int]
    surcharged: Mapped[bool]
    table_version: Mapped[str | None]
    tax_identity_id: Mapped[UUID | None]
    has_npwp: Mapped[bool]
    nik_status: Mapped[NikStatus | None] = mapped_column(choice(NikStatus, "nik_status"))
    cause: Mapped[TaxCause] = mapped_column(choice(TaxCause, "cause"))
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("withholdings.id"))
    month: Mapped[Month]
    paid_on: Mapped[date]
    recorded_at: Mapped[datetime]


class TaxRemittance(Base):
    """Tax of a month that was paid to the state, in rupiah. Insert only.

    Where the bank returns the money, a further row with the amount below zero names the first.
    """

    __tablename__ = "tax_remittances"
    __table_args__ = (
        UniqueConstraint("reverses"),
        CheckConstraint("kind <> 'none'", name="taxed"),
        CheckConstraint("amount <> 0 AND (amount < 0) = (reverses IS NOT NULL)", name="sign"),
        Index("ix_tax_remittances_month", "month"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[TaxKind] = mapped_column(choice(TaxKind, "kind"))
    month: Mapped[Month]
    amount: Mapped[int]
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("tax_remittances.id"))
    remitted_on: Mapped[date]
    recorded_at: Mapped[datetime]
