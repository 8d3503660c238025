from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base


class Order(Base):
    """The bills that are paid together. Insert only: the amount is fixed when it is made."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("bill_count BETWEEN 1 AND 100", name="bill_count"),
        # Orders of one bill are looked up by their bill.
        Index("ix_orders_many", "id", postgresql_where=text("bill_count > 1")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    bill_count: Mapped[int]
    amount: Mapped[int]
    issued_at: Mapped[datetime]
    issued_by: Mapped[UUID]


class CorrectedMember(Base):
    """A member whose facts were corrected, until the bills follow.

    again_at: when the bills that were just being issued follow too; None: none does yet.
    is_judged: whether the open bill is judged too, because the facts decide what can be billed.
    """

    __tablename__ = "renamed_members"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime]
    again_at: Mapped[datetime | None]
    # The version before writes rows without it.
    is_judged: Mapped[bool] = mapped_column(server_default=false())
