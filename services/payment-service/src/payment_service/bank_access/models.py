from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.bank_access.rules import CallbackCheck
from payment_service.base import Base
from perisai_kit.db.columns import choice


class UnprovenRequest(Base):
    """A call in a partner's name that was refused before its message was looked at.

    Nobody has proven who sent it, so nothing of its body is here but the bank's request id. Only
    the newest of each partner are kept.
    """

    __tablename__ = "snap_unproven_requests"
    __table_args__ = (Index("ix_snap_unproven_requests_partner_id_id", "partner_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("bank_partners.id"))
    service: Mapped[str]
    received_at: Mapped[datetime]
    source: Mapped[str]
    target: Mapped[str]
    timestamp: Mapped[str | None]
    external_id: Mapped[str | None]
    request_id: Mapped[str | None]
    failed_check: Mapped[CallbackCheck] = mapped_column(choice(CallbackCheck, "failed_check"))
    # What we expected to be signed, the token masked; None where headers for it were missing.
    string_to_sign: Mapped[str | None]
    signed_over: Mapped[str | None]
    http_status: Mapped[int]
    response_code: Mapped[str]
    response_message: Mapped[str]


class AccessToken(Base):
    """A token given to a bank; only its SHA-256 is kept."""

    __tablename__ = "snap_access_tokens"
    __table_args__ = (Index("ix_snap_access_tokens_expires_at", "expires_at"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("bank_partners.id"))
    expires_at: Mapped[datetime]
