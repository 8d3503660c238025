import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base, MonthColumn, choice, one_of
from member_service.members.rules import Programme
from perisai_kit.domain.month import Month


class CoverageMonth(Base):
    """One paid month of one programme. Insert only; whoever pays a month first, has paid it.

    paid_on: the Jakarta date of the bank's instant.
    """

    __tablename__ = "coverage_months"
    __table_args__ = (CheckConstraint(one_of("programme", Programme), name="programme"),)

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    month: Mapped[Month] = mapped_column(MonthColumn, primary_key=True)
    programme: Mapped[Programme] = mapped_column(choice(Programme), primary_key=True)
    payment_id: Mapped[uuid.UUID]
    paid_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
