import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base
from gateway.changes.rules import ChangeKind, ChangeSource
from perisai_kit.db.columns import one_of
from perisai_kit.privacy.columns import sealed_text


class AccountChange(Base):
    """One change of an account. Insert only: the role `app` may neither update nor delete.

    It has no foreign key to the account, because the history outlives it.
    """

    __tablename__ = "account_changes"
    __table_args__ = (
        CheckConstraint(one_of("change", ChangeKind), name="change"),
        CheckConstraint(one_of("source", ChangeSource), name="source"),
        CheckConstraint(
            "source <> 'administrator' OR (author_id IS NOT NULL AND reason IS NOT NULL)",
            name="administrator",
        ),
        Index("ix_account_changes_account_id_id", "account_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    change: Mapped[ChangeKind] = mapped_column(Text)
    source: Mapped[ChangeSource] = mapped_column(Text)
    author_id: Mapped[uuid.UUID | None]
    """The account that made the change. Not a foreign key, because services have no account."""
    reason = sealed_text(nullable=True)
    """Encrypted: a reason may name people."""
    request_id: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Roles, scope and ids before and after; no personal data."""
