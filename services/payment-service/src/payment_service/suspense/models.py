from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.suspense.rules import ProposalStatus
from perisai_kit.db.columns import choice


class SuspenseOwner(Base):
    """Who answers for an item: a standing allocation to suspense, whose id is the item's."""

    __tablename__ = "suspense_owners"

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    owned_since: Mapped[datetime]


class SuspenseProposal(Base):
    """One person's proposal to use an item for a bill; another decides. At most one is open.

    allocation_id: what an approval has made.
    """

    __tablename__ = "suspense_proposals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["payment_id", "item_id"], ["allocations.payment_id", "allocations.id"]
        ),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(status = 'approved') = (allocation_id IS NOT NULL)", name="allocated"),
        Index(
            "uq_suspense_proposals_open",
            "item_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_suspense_proposals_item_id_id", "item_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"))
    status: Mapped[ProposalStatus] = mapped_column(choice(ProposalStatus, "status"))
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    allocation_id: Mapped[UUID | None]
