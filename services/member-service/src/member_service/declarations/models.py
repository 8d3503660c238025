import uuid
from datetime import date, datetime

from sqlalchemy import DateTime, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base
from perisai_kit.domain.ids import new_id


class WorkDeclaration(Base):
    """A statement that the member works. Insert only."""

    __tablename__ = "work_declarations"
    __table_args__ = (Index(None, "member_id", "made_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    declared_on: Mapped[date]
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
