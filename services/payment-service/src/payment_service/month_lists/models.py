from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from perisai_kit.domain.month import Month


class UnpaidMonth(Base):
    """What may be paid of a closed month and is not, in rupiah, as it was measured last.

    Without what is held or forfeited; with what is in payment.
    """

    __tablename__ = "unpaid_months"

    month: Mapped[Month] = mapped_column(primary_key=True)
    unpaid_count: Mapped[int]
    unpaid_amount: Mapped[int]
    measured_at: Mapped[datetime]
