from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base


class PaymentRequest(Base):
    """The identity of a payment: a bank's request id pays once. Insert only, and never cleaned up.

    callback_id: the message that settled it. No foreign key leads there, so that messages can be
    partitioned; the checks of the books look instead.
    """

    __tablename__ = "payment_requests"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    callback_id: Mapped[UUID]


class Payment(Base):
    """A bank's word that an order was paid, booked. Insert only.

    What it was used for is said by its allocations, which add up to it.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_payments_order_id", "order_id"),
        Index(
            "ix_payments_partner_id_paid_at_id",
            "partner_id",
            "paid_at",
            "id",
            postgresql_include=["amount"],
        ),
        Index(
            "ix_payments_reference_no",
            "reference_no",
            postgresql_where=text("reference_no IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID]
    payment_request_id: Mapped[str]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    amount: Mapped[int]
    # The bank's time as it sent it; None: it sent none. What counts is paid_at.
    trx_date_time: Mapped[datetime | None]
    received_at: Mapped[datetime]
    paid_at: Mapped[datetime]
    channel_code: Mapped[str | None]
    reference_no: Mapped[str | None]
