import uuid
from datetime import date, datetime

from sqlalchemy import DateTime, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base, MonthText
from member_service.registrations.rules import EndReason, RegistrationKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class RegistrationRow(Base):
    """A registration as the calendar judged it; `id` is the allocation that opened it.

    ends_on: the first day outside, by what is known now. announced_at: when its end was published
    as certain. superseded_at: when later facts replaced or removed this registration.
    """

    __tablename__ = "registrations"
    __table_args__ = (
        Index(None, "member_id", "began_at"),
        Index(
            "ix_registrations_unannounced",
            "ends_on",
            postgresql_where=text("announced_at IS NULL AND superseded_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    first_month: Mapped[Month] = mapped_column(MonthText)
    kind: Mapped[RegistrationKind] = mapped_column(choice(RegistrationKind, "kind"))
    declaration_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("work_declarations.id"))
    age: Mapped[int]
    ends_on: Mapped[date]
    end_reason: Mapped[EndReason] = mapped_column(choice(EndReason, "end_reason"))
    announced_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    superseded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
