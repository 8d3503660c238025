from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.callbacks.rules import CallbackOutcome
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_bytes


class Callback(Base):
    """One correctly signed message of a bank, as it came, and what it was answered. Insert only.

    No foreign key leads to the partner, because every payment would lock the one row of its bank;
    nor to the payment or the first message, so that messages can be partitioned. The checks of the
    books look instead.
    """

    __tablename__ = "callbacks"
    __table_args__ = (
        CheckConstraint("(verdict = 'settled') = (payment_id IS NOT NULL)", name="payment_id"),
        Index(
            "ix_callbacks_refused",
            "partner_id",
            "request_id",
            "content_hash",
            postgresql_where=text("verdict = 'refused' AND content_hash IS NOT NULL"),
        ),
        Index("ix_callbacks_partner_id_id", "partner_id", "id"),
        Index(
            "ix_callbacks_refused_at",
            "received_at",
            "id",
            postgresql_where=text("verdict = 'refused' AND content_hash IS NOT NULL"),
        ),
        # For the list of payments that were not taken. The version before reads the one above.
        Index(
            "ix_callbacks_not_taken_at",
            "received_at",
            "id",
            postgresql_where=text(
                "service = '25' AND verdict IN ('refused', 'conflict', 'turned_back')"
            ),
        ),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID]
    service: Mapped[str]
    received_at: Mapped[datetime]
    source: Mapped[str]
    target: Mapped[str]
    # Token and signature stand as their SHA-256.
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    external_id: Mapped[str]
    signed_over: Mapped[str]
    body = sealed_bytes()

    request_id: Mapped[str | None]
    # A keyed hash of the fields in which an honest repeat cannot differ.
    content_hash: Mapped[bytes | None]
    verdict: Mapped[CallbackOutcome] = mapped_column(choice(CallbackOutcome, "verdict"))
    http_status: Mapped[int]
    response_code: Mapped[str]
    answer = sealed_bytes()
    payment_id: Mapped[UUID | None]
    # Of a payment that was not taken: rupiah, and the order of its virtual account. None: there is
    # none, or it cannot be read.
    offered_amount: Mapped[int | None]
    order_id: Mapped[UUID | None]
    # The message whose answer was given again, or that this one contradicts.
    first_id: Mapped[UUID | None]
    # The names of the fields it was read without; None: none.
    dropped_fields: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class ExternalId(Base):
    """An X-EXTERNAL-ID that a bank has used on a Jakarta day; forgotten some days later."""

    __tablename__ = "snap_external_ids"
    __table_args__ = {"postgresql_partition_by": "RANGE (day)"}  # noqa: RUF012 - as SQLAlchemy has it

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    # The service's code, or empty where the bank's profile counts across services.
    scope: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    callback_id: Mapped[UUID]
