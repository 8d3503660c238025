from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.payout_sending.rules import NameVerdict
from perisai_kit.db.columns import choice


class PayoutNameCheck(Base):
    """What a bank last said about the holder of the account of a transfer; the name is not kept."""

    __tablename__ = "payout_name_checks"

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("payout_transfers.id"), primary_key=True)
    verdict: Mapped[NameVerdict] = mapped_column(choice(NameVerdict, "verdict"))
    response_code: Mapped[str | None]
    checked_at: Mapped[datetime]
