import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base


class OpenBill(Base):
    """The bill of a member that takes money until `ends_at`, according to payment-service.

    A member has at most one. The row goes when the bill is paid, replaced, voided or ended.
    """

    __tablename__ = "open_bills"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount"),)

    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bill_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
