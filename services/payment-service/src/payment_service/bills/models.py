from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.bills.rules import BillStatus, VoidReason
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.privacy.columns import sealed_text


class Bill(Base):
    """What was asked of a member, frozen when it was asked; only the status moves on."""

    __tablename__ = "bills"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("month_count BETWEEN 1 AND 12", name="month_count"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        CheckConstraint(
            "status NOT IN ('replaced', 'void') OR withdrawn_at IS NOT NULL", name="withdrawn_at"
        ),
        CheckConstraint("status <> 'replaced' OR replaced_by IS NOT NULL", name="replaced_by"),
        CheckConstraint("status <> 'void' OR void_reason IS NOT NULL", name="void_reason"),
        Index("ix_bills_order_id_id", "order_id", "id"),
        # With the mark in it, what was written of a member's bills is read from the index alone.
        Index("ix_bills_member_id_id_marked", "member_id", "id", postgresql_include=["updated_at"]),
        Index("ix_bills_open", "expires_at", "id", postgresql_where=text("status = 'open'")),
        Index("ix_bills_ended", "expires_at", "id", postgresql_where=text("status = 'ended'")),
        # Nearly all bills are paid: a list of the others is one of few among many.
        Index("ix_bills_unpaid", "status", "id", postgresql_where=text("status <> 'paid'")),
        # A member has at most one open bill.
        Index("uq_bills_open", "member_id", unique=True, postgresql_where=text("status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
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
    # When it was replaced or became void; a late report may pay it all the same.
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]
    void_reason: Mapped[VoidReason | None] = mapped_column(choice(VoidReason, "void_reason_choice"))
    replaced_by: Mapped[UUID | None]
    # The beginning of the transaction that wrote last, by the clock of the database.
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


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
