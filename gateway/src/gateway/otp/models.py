import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import DateTime, Index, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base
from gateway.clients.otp_sender import CodePurpose
from perisai_kit.privacy.columns import sealed_text


class SentCode(Base):
    """A code that was sent, as a keyed hash. Each kind of code has a table of its own."""

    __abstract__ = True

    lookup_kind: ClassVar[str]
    """What the keyed hash is made with, so that no kind of code serves for another."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class OtpChallenge(SentCode):
    """A code for a sign-in."""

    __tablename__ = "otp_challenges"
    __table_args__ = (Index("ix_otp_challenges_phone_hash_device_id", "phone_hash", "device_id"),)
    lookup_kind = "otp"

    device_id: Mapped[str] = mapped_column(Text)


class OtpOutboxEntry(Base):
    """A code that a sandbox stores instead of sending it."""

    __tablename__ = "otp_outbox"
    __table_args__ = (Index("ix_otp_outbox_phone_hash", "phone_hash"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code = sealed_text()
    purpose: Mapped[CodePurpose] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
