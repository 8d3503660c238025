import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base
from perisai_kit.domain.month import Month
from perisai_kit.privacy.columns import sealed_text


class AccountNotice(Base):
    """A notice to the owner of an account or of a number, and where it must be sent to.

    It waits while next_try_at is set. Then it was sent, abandoned after too many attempts, or only
    to be read in the app.
    """

    __tablename__ = "account_notices"
    __table_args__ = (
        Index("ix_account_notices_account_id_id", "account_id", "id"),
        Index(
            "ix_account_notices_next_try_at",
            "next_try_at",
            postgresql_where=text("next_try_at IS NOT NULL"),
        ),
        # One notice about a fact for each account, however often the event arrives.
        Index(
            "uq_account_notices_cause_id_fact_account_id",
            "cause_id",
            "fact",
            "account_id",
            unique=True,
            postgresql_where=text("cause_id IS NOT NULL"),
        ),
        CheckConstraint(
            "num_nulls(cause_id, fact, month, amount) IN (0, 4) AND amount >= 0", name="fact"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID | None]
    """None for a number of which we know no account."""
    template: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    phone = sealed_text(nullable=True)
    """The number to send to. None once it was sent or abandoned, and for staff."""
    email = sealed_text(nullable=True)
    """The address to send to where there is no number. None once it was sent or abandoned."""
    cause_id: Mapped[uuid.UUID | None]
    """The statement or payout that an incentive notice is about."""
    fact: Mapped[str | None] = mapped_column(Text)
    month: Mapped[Month | None]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    """Rupiah that the text names."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    abandoned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class NoticeOutboxEntry(Base):
    """A notice that a sandbox stores instead of sending it."""

    __tablename__ = "notice_outbox"
    __table_args__ = (
        Index("ix_notice_outbox_phone_hash", "phone_hash"),
        CheckConstraint("num_nonnulls(phone_hash, email_hash) = 1", name="address"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    template: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
