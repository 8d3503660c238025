"""One attempt to move the money of a payout, and how it went."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.payout_transfers.rules import TransferSource, TransferStatus
from perisai_kit.db.columns import choice
from snap_bi.transfer_rules import InterbankRoute


class PayoutTransfer(Base):
    """One attempt. Its row is committed as sent before anything leaves us.

    attempt: from 1; another attempt of a failed payout is another row. partner_reference_no: ours,
    for ever of this attempt. external_id, request_timestamp: X-EXTERNAL-ID and X-TIMESTAMP of the
    request; None until it is sent, and in a file. service_code: 17 or 18. interbank_route: which
    the request named; None: none, or nothing was sent. remark_code: what the remark of the transfer
    says, so that a line of a bank statement names it. amount: rupiah. reference_no,
    response_code: the bank's. inquiries: how often the bank was asked for the status.
    """

    __tablename__ = "payout_transfers"
    __table_args__ = (
        UniqueConstraint("payout_id", "attempt"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("attempt > 0", name="attempt"),
        CheckConstraint("service_code IN ('17', '18')", name="service_code"),
        CheckConstraint(
            "interbank_route IS NULL OR (service_code = '18' AND external_id IS NOT NULL)",
            name="interbank_route_sent",
        ),
        CheckConstraint("(external_id IS NULL) = (request_timestamp IS NULL)", name="request"),
        CheckConstraint("status IN ('created', 'failed') OR sent_at IS NOT NULL", name="sent"),
        CheckConstraint("status <> 'created' OR sent_at IS NULL", name="not_sent"),
        CheckConstraint(
            "(status IN ('paid', 'failed', 'returned')) = (settled_at IS NOT NULL)", name="settled"
        ),
        # One attempt at a time, and none after one that has paid.
        Index(
            "uq_payout_transfers_in_flight",
            "payout_id",
            unique=True,
            postgresql_where=text("status IN ('created', 'sent', 'unknown', 'paid')"),
        ),
        Index(
            "ix_payout_transfers_open",
            "payout_account_id",
            "status",
            "id",
            postgresql_where=text("status IN ('created', 'sent', 'unknown')"),
        ),
        Index(
            "ix_payout_transfers_next_inquiry_at",
            "next_inquiry_at",
            postgresql_where=text("status IN ('sent', 'unknown')"),
        ),
        # For the sum of a day.
        Index("ix_payout_transfers_payout_account_id_sent_at", "payout_account_id", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"))
    payout_account_id: Mapped[UUID] = mapped_column(ForeignKey("payout_accounts.id"))
    attempt: Mapped[int]
    amount: Mapped[int]
    partner_reference_no: Mapped[str] = mapped_column(unique=True)
    remark_code: Mapped[str] = mapped_column(unique=True)
    service_code: Mapped[str]
    interbank_route: Mapped[InterbankRoute | None] = mapped_column(
        choice(InterbankRoute, "interbank_route")
    )
    external_id: Mapped[str | None] = mapped_column(unique=True)
    request_timestamp: Mapped[datetime | None]
    status: Mapped[TransferStatus] = mapped_column(choice(TransferStatus, "status"))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    reference_no: Mapped[str | None]
    response_code: Mapped[str | None]
    next_inquiry_at: Mapped[datetime | None]
    inquiries: Mapped[int]


class PayoutTransferChange(Base):
    """One change of a transfer's status, with who reported it. Insert only.

    changed_by: the account of the officer; None: no person. executed_on: the Jakarta day on which
    the bank paid, or gave the money back, as it is booked; None: no money moved, or an older
    version stored the change and booked it on its own day. stated_on: what the bank or the officer
    said of it; None: nothing.
    """

    __tablename__ = "payout_transfer_changes"
    __table_args__ = (
        CheckConstraint("(source = 'officer') = (changed_by IS NOT NULL)", name="changed_by"),
        Index(None, "transfer_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("payout_transfers.id"))
    status: Mapped[TransferStatus] = mapped_column(choice(TransferStatus, "status"))
    source: Mapped[TransferSource] = mapped_column(choice(TransferSource, "source"))
    response_code: Mapped[str | None]
    changed_by: Mapped[UUID | None]
    changed_at: Mapped[datetime]
    executed_on: Mapped[date | None]
    stated_on: Mapped[date | None]
