import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base
from gateway.keys.rules import KeyStatus
from perisai_kit.privacy.columns import sealed_bytes


class SigningKey(Base):
    __tablename__ = "signing_keys"
    __table_args__ = (
        CheckConstraint("state IN ('next', 'current', 'retired')", name="state"),
        Index(
            "uq_signing_keys_state",
            "state",
            unique=True,
            postgresql_where=text("state <> 'retired'"),
        ),
    )

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    status: Mapped[KeyStatus] = mapped_column("state", Text)
    private_key = sealed_bytes()
    """PKCS#8 DER; empty once the key is revoked."""
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """SubjectPublicKeyInfo DER."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    current_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_by: Mapped[uuid.UUID | None]
    """The account of the administrator."""
    revoked_reason: Mapped[str | None] = mapped_column(Text)
