import uuid
from datetime import datetime

from sqlalchemy import DateTime, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base


class ConfirmationCode(Base):
    """A code that was sent to confirm one change, as a keyed hash. It signs nobody in."""

    __tablename__ = "confirmation_codes"
    __table_args__ = (
        Index("ix_confirmation_codes_subject_id_phone_hash", "subject_id", "phone_hash"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[uuid.UUID]
    """What is confirmed: the id of the change at the service that asked."""
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
