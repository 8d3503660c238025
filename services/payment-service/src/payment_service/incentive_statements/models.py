from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.agents.rules import HeldReason
from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class Statement(Base):
    """What one beneficiary is owed for one closed month. Insert only.

    brought_parts: the rest below a rupiah of the statements before. total_parts: everything
    booked since the beginning. amount: rupiah; negative: more was taken back than earned.
    set_off: debt of earlier statements that payouts deducted, or what is held or forfeited made up
    for, since the last of them; negative: such payouts came back, or what was held was released.
    brought_debt: what earlier statements took back beyond what they gave, less that. held_reason:
    why an override is held until it is decided on. Who it is and where stand here as they stood at
    the close.
    """

    __tablename__ = "statements"
    __table_args__ = (
        UniqueConstraint("beneficiary_id", "month"),
        CheckConstraint("line_count > 0", name="line_count"),
        CheckConstraint("brought_parts BETWEEN 0 AND 9999", name="brought_parts"),
        CheckConstraint(
            "brought_parts + contribution_parts + acquisition_parts + override_parts"
            " - amount * 10000 BETWEEN 0 AND 9999",
            name="amount",
        ),
        CheckConstraint("brought_debt >= 0", name="brought_debt"),
        CheckConstraint("held_reason IS NULL OR beneficiary_kind = 'wadah'", name="held"),
        Index("ix_statements_month_id", "month", "id"),
        # The wadahs of a month in their order, each with its agents: for the list of payees.
        Index("ix_statements_month_wadah_id_beneficiary_id", "month", "wadah_id", "beneficiary_id"),
        Index(
            "ix_statements_set_off",
            "beneficiary_id",
            postgresql_include=["set_off"],
            postgresql_where=text("set_off <> 0"),
        ),
        Index("ix_statements_beneficiary_id_id", "beneficiary_id", "id"),
        Index("ix_statements_wadah_id_id", "wadah_id", "id"),
        Index("ix_statements_branch_code_id", "branch_code", "id"),
        Index("ix_statements_region_code_id", "region_code", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[Month]
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    wadah_id: Mapped[UUID]
    branch_code: Mapped[str]
    region_code: Mapped[str]
    line_count: Mapped[int]
    contribution_parts: Mapped[int]
    acquisition_parts: Mapped[int]
    override_parts: Mapped[int]
    brought_parts: Mapped[int]
    total_parts: Mapped[int]
    amount: Mapped[int]
    set_off: Mapped[int] = mapped_column(server_default="0")
    brought_debt: Mapped[int]
    held_reason: Mapped[HeldReason | None] = mapped_column(choice(HeldReason, "held_reason"))
    issued_at: Mapped[datetime]
