import uuid
from datetime import date, datetime

from sqlalchemy import DateTime, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base, MonthText
from member_service.members.rules import Programme
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class CoverageMonth(Base):
    """One paid month of one programme. Insert only; whoever pays a month first, has paid it.

    paid_on: the Jakarta date of the bank's instant.
    """

    __tablename__ = "coverage_months"

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    month: Mapped[Month] = mapped_column(MonthText, primary_key=True)
    programme: Mapped[Programme] = mapped_column(choice(Programme, "programme"), primary_key=True)
    payment_id: Mapped[uuid.UUID]
    paid_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
