from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.payout_settlement.rules import SettlementOutcome, SettlementStatus
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text


class SettlementProposal(Base):
    """What one officer proposes to settle an unknown or paid transfer as; another one decides.

    executed_on: the day on which the bank paid, or gave the money back; None: no money moved, or an
    older version made the proposal. evidence: what it rests on, in words that may name persons. At
    most one is open.
    """

    __tablename__ = "payout_settlement_proposals"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        Index(
            "uq_payout_settlement_proposals_open",
            "transfer_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_payout_settlement_proposals_payout_id_id", "payout_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"))
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("payout_transfers.id"))
    outcome: Mapped[SettlementOutcome] = mapped_column(choice(SettlementOutcome, "outcome"))
    executed_on: Mapped[date | None]
    evidence = sealed_text()
    status: Mapped[SettlementStatus] = mapped_column(choice(SettlementStatus, "status"))
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
