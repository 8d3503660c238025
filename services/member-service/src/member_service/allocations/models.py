import uuid
from datetime import datetime

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base, MonthText
from member_service.registrations.rules import DeclineReason
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Programme


class AllocationRow(Base):
    """Money of a payment that was allocated to a bill, and our present answer.

    months and programmes have one entry for each bill line, in the same order. The columns from
    `declined` on hold the answer; answer_no rises with each published answer. paying_account: a
    keyed hash of payment-service; None: the bank named none.
    """

    __tablename__ = "allocations"
    __table_args__ = (Index(None, "member_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[uuid.UUID]
    bill_id: Mapped[uuid.UUID]
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    counts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    months: Mapped[list[Month]] = mapped_column(ARRAY(MonthText))
    programmes: Mapped[list[Programme]] = mapped_column(ARRAY(choice(Programme)))
    paying_account: Mapped[str | None] = mapped_column(Text)

    answer_no: Mapped[int]
    declined: Mapped[DeclineReason | None] = mapped_column(choice(DeclineReason, "declined"))
    withdrawn: Mapped[list[Month]] = mapped_column(ARRAY(MonthText))
    first_month: Mapped[Month | None] = mapped_column(MonthText)
    agent_id: Mapped[uuid.UUID | None]
    wadah_id: Mapped[uuid.UUID | None]
    branch_code: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(Text)
    is_acquisition: Mapped[bool]


class AllocationReversal(Base):
    """An allocation that was taken back; `id` is the allocation. Insert only.

    Rows of their own do not depend on which event arrives first.
    """

    __tablename__ = "allocation_reversals"
    __table_args__ = (Index(None, "member_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    reversed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
