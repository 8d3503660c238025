from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.bills.rules import BillStatus, CancellationReason
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.privacy.columns import sealed_text

SERIALS = Sequence("virtual_account_serials", metadata=Base.metadata, start=1)
"""One serial number a bill; every bank's customer number of that bill is made from it."""


class Bill(Base):
    """What was asked of a member, frozen when it was asked; only the state moves on."""

    __tablename__ = "bills"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("month_count BETWEEN 1 AND 12", name="month_count"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        CheckConstraint(
            "(status = 'cancelled') = (num_nulls(cancelled_at, cancellation_reason) = 0)",
            name="cancelled",
        ),
        Index("ix_bills_member_id_id", "member_id", "id"),
        Index("ix_bills_open", "expires_at", "id", postgresql_where=text("status = 'open'")),
        # A member has at most one open bill.
        Index("uq_bills_open", "member_id", unique=True, postgresql_where=text("status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    status: Mapped[BillStatus] = mapped_column(choice(BillStatus, "status"))

    display_name = sealed_text()
    sector: Mapped[Sector] = mapped_column(choice(Sector, "sector"))
    declared_income: Mapped[int]
    employs_others: Mapped[bool]
    payer: Mapped[Payer] = mapped_column(choice(Payer, "payer"))

    # The lines name the months: paid ones between may be left out.
    first_month: Mapped[Month]
    month_count: Mapped[int]
    amount: Mapped[int]
    relief_amount: Mapped[int]

    issued_at: Mapped[datetime]
    issued_by: Mapped[UUID]
    # The first instant that is too late.
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[UUID | None]
    cancellation_reason: Mapped[CancellationReason | None] = mapped_column(
        choice(CancellationReason, "cancellation_reason")
    )


class BillLine(Base):
    """One programme of one month, explained. Insert only."""

    __tablename__ = "bill_lines"
    __table_args__ = (
        CheckConstraint(
            "amount > 0 AND relief_amount >= 0 AND amount = full_amount - relief_amount",
            name="amount",
        ),
        CheckConstraint("(relief_bps = 0) = (relief_basis IS NULL)", name="relief_basis"),
    )

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    month: Mapped[Month] = mapped_column(primary_key=True)
    programme: Mapped[Programme] = mapped_column(choice(Programme, "programme"), primary_key=True)
    band: Mapped[int]
    reference_income: Mapped[int]
    full_amount: Mapped[int]
    relief_bps: Mapped[int]
    relief_amount: Mapped[int]
    relief_basis: Mapped[str | None]
    amount: Mapped[int]


class VirtualAccount(Base):
    """Where a bill can be paid: its number at one bank. Insert only."""

    __tablename__ = "virtual_accounts"
    __table_args__ = (
        Index("uq_virtual_accounts_number", "partner_id", "customer_no", unique=True),
    )

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_name: Mapped[str]
    company_code: Mapped[str]
    customer_no: Mapped[str]
    number: Mapped[str]
