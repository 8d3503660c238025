from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.forfeit_reversals.rules import ReversalStatus
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text


class ForfeitReversal(Base):
    """One person's proposal to take the forfeit of a hold back; another decides.

    amount: what was forfeited, in rupiah. A hold has at most one that is not rejected.
    """

    __tablename__ = "forfeit_reversals"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        Index(
            "uq_forfeit_reversals_open",
            "hold_id",
            unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index("ix_forfeit_reversals_hold_id_id", "hold_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(ForeignKey("incentive_holds.id"))
    amount: Mapped[int]
    reason = sealed_text()
    status: Mapped[ReversalStatus] = mapped_column(choice(ReversalStatus, "status"))
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
