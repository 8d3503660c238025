import uuid
from datetime import datetime

from sqlalchemy import DateTime, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base


class MemberUpdate(Base):
    """When something that a list shows of a member was written last.

    updated_at: the beginning of the writing transaction, by the clock of the database; never
    business time.
    """

    __tablename__ = "member_updates"
    __table_args__ = (Index(None, "updated_at", "member_id"),)

    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
