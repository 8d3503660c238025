from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.allocations.rules import AllocationKind, AllocationReason
from payment_service.base import Base
from perisai_kit.db.columns import choice


class Allocation(Base):
    """What a part of a payment was used for. Insert only: all of a payment add up to it.

    amount: rupiah; negative where it takes an earlier allocation back, which is named in
    `reverses`. counts_at: the instant that decides order, cover, month and earner. reason: why it
    is in suspense or was taken back. allocated_at: since when; what is left of money in suspense
    keeps it.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint(
            "amount <> 0 AND (amount < 0) = (reverses IS NOT NULL)",
            name="amount",
        ),
        CheckConstraint("kind <> 'bill' OR num_nulls(bill_id, member_id) = 0", name="bill"),
        CheckConstraint("(reason IS NULL) = (kind = 'bill' AND amount > 0)", name="reason"),
        Index("ix_allocations_member_id_payment_id", "member_id", "payment_id"),
        Index(
            "ix_allocations_suspense",
            "id",
            postgresql_where=text("kind = 'suspense' AND amount > 0"),
        ),
        # For verifications of months, which read those of one month; it costs a payment nothing.
        Index("ix_allocations_counts_at", "counts_at", postgresql_using="brin"),
        # Nothing is taken back twice.
        Index(
            "uq_allocations_reverses",
            "reverses",
            unique=True,
            postgresql_where=text("reverses IS NOT NULL"),
        ),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[AllocationKind] = mapped_column(choice(AllocationKind, "kind"))
    bill_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    amount: Mapped[int]
    counts_at: Mapped[datetime]
    reason: Mapped[AllocationReason | None] = mapped_column(
        choice(AllocationReason, "reason_choice")
    )
    reverses: Mapped[UUID | None]
    allocated_at: Mapped[datetime]
