from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from perisai_kit.domain.month import Month


class ClosedMonth(Base):
    """A month that was closed, and what it came to. Insert only."""

    __tablename__ = "commission_months"

    month: Mapped[Month] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]
    closed_by: Mapped[UUID]
    statement_count: Mapped[int]
    line_count: Mapped[int]
    agent_parts: Mapped[int]
    wadah_parts: Mapped[int]
    amount: Mapped[int]
