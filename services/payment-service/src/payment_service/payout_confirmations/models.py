from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base


class PayoutConfirmation(Base):
    """Whether an agent received what a wadah was paid for them; the last one holds. Insert only."""

    __tablename__ = "payout_confirmations"
    __table_args__ = (Index(None, "payout_id", "agent_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"))
    agent_id: Mapped[UUID]
    is_received: Mapped[bool]
    confirmed_by: Mapped[UUID]
    confirmed_at: Mapped[datetime]
