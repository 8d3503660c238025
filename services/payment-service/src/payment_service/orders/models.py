from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
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


class RenamedMember(Base):
    """A member whose name was corrected, until the bills have the new name.

    again_at: when the bills that were just being issued are renamed too; None: none is yet.
    """

    __tablename__ = "renamed_members"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime]
    again_at: Mapped[datetime | None]
