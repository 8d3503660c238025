import uuid
from datetime import datetime

from sqlalchemy import DateTime, Index, Integer, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base
from perisai_kit.privacy.columns import sealed_text


class AccountNotice(Base):
    """A notice to the owner of an account or of a number, and the number it must be sent to."""

    __tablename__ = "account_notices"
    __table_args__ = (
        Index("ix_account_notices_account_id_id", "account_id", "id"),
        Index(
            "ix_account_notices_next_try_at",
            "next_try_at",
            postgresql_where=text("next_try_at IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID | None]
    """None for a number of which we know no account."""
    template: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    phone = sealed_text(nullable=True)
    """The number to send to. None once it was sent or abandoned, and for staff."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class NoticeOutboxEntry(Base):
    """A notice that a sandbox stores instead of sending it."""

    __tablename__ = "notice_outbox"
    __table_args__ = (Index("ix_notice_outbox_phone_hash", "phone_hash"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary)
    template: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
