from datetime import datetime, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.payout_accounts.rules import PayoutAccountStatus, PayoutChannel, StopStep
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text
from snap_bi.transfer_rules import InterbankRoute


class PayoutAccount(Base):
    """An account of ours that incentives are paid from.

    bank_partner_id: whose connection is used; None: a file. corporate_id: X-PARTNER-ID of what
    moves or shows its money; None: the one of the partner. interbank_route: of transfers to other
    banks; None: the default of the bank. file_format: of that file. daily_cap: the most rupiah sent
    on a Jakarta day. transfer_max: the most rupiah of one transfer. batch_max: the most payouts of
    one run. cut_off: Jakarta time after which nothing is sent on that day.
    changed_by: who registered, changed or suspended it since it was last active; they cannot
    activate it. version: counts every change.
    """

    __tablename__ = "payout_accounts"
    __table_args__ = (
        CheckConstraint(
            "status <> 'active' OR NOT status_changed_by = ANY (changed_by)", name="four_eyes"
        ),
        CheckConstraint("(channel = 'snap') = (bank_partner_id IS NOT NULL)", name="partner"),
        CheckConstraint("channel = 'snap' OR corporate_id IS NULL", name="corporate_id"),
        CheckConstraint("channel = 'snap' OR interbank_route IS NULL", name="interbank_route_snap"),
        CheckConstraint("(channel = 'file') = (file_format IS NOT NULL)", name="file_format"),
        CheckConstraint(
            "transfer_max > 0 AND daily_cap >= transfer_max AND batch_max > 0", name="limits"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    bank_partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("bank_partners.id"))
    bank_code: Mapped[str]
    channel: Mapped[PayoutChannel] = mapped_column(choice(PayoutChannel, "channel"))
    account_no = sealed_text()
    corporate_id: Mapped[str | None]
    interbank_route: Mapped[InterbankRoute | None] = mapped_column(
        choice(InterbankRoute, "interbank_route")
    )
    file_format: Mapped[str | None]
    daily_cap: Mapped[int]
    transfer_max: Mapped[int]
    batch_max: Mapped[int]
    cut_off: Mapped[time]
    status: Mapped[PayoutAccountStatus] = mapped_column(choice(PayoutAccountStatus, "status"))
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    status_changed_at: Mapped[datetime]
    status_changed_by: Mapped[UUID]
    changed_at: Mapped[datetime]
    changed_by: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    version: Mapped[int]


class PayoutStop(Base):
    """A step of stopping all payouts, or of resuming them; the last one holds. Insert only.

    number: from 1 without a gap, so that of two steps at once the second finds its number taken.
    """

    __tablename__ = "payout_stops"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    step: Mapped[StopStep] = mapped_column(choice(StopStep, "step"))
    reason = sealed_text(nullable=True)
    taken_by: Mapped[UUID]
    taken_at: Mapped[datetime]
