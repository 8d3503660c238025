import uuid
from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base
from member_service.members.rules import NewToBpuBasis
from perisai_kit.db.columns import choice


class Evidence(Base):
    """Evidence on whether a person was registered as BPU before. Insert only.

    basis: the source; None if the evidence says that the person was registered.
    """

    __tablename__ = "bpu_evidence"
    __table_args__ = (Index(None, "member_id", "recorded_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    new_to_bpu: Mapped[bool]
    basis: Mapped[NewToBpuBasis | None] = mapped_column(choice(NewToBpuBasis, "basis"))
    recorded_by: Mapped[uuid.UUID]
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
