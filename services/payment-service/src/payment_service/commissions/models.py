from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.commissions.rules import (
    CommissionCause,
    CommissionRule,
    CorrectionReason,
)
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class CommissionLine(Base):
    """What one beneficiary earned by one rule from one allocation, exactly. Insert only.

    A line that does not stand any more is taken back by an opposite one; `entry_no` numbers both,
    so lines and opposites alternate and neither can be booked twice: in a month by an index, in
    different ones by the lock on the months, and the checks of the books look. earned_month: of the
    instant from which the allocation counts. booked_month: whose statement holds it. parts:
    1/10,000 rupiah. Lines of one month lie together, so a summary of pages finds them. The
    allocation and the scheme are no foreign keys: six lines an allocation would check both.
    """

    __tablename__ = "commission_lines"
    __table_args__ = (
        CheckConstraint("base <> 0 AND rate_bps > 0 AND parts = base * rate_bps", name="parts"),
        CheckConstraint("entry_no > 0 AND (entry_no % 2 = 0) = (base < 0)", name="entry_no"),
        CheckConstraint("(base < 0) = (reason IS NOT NULL)", name="opposite"),
        CheckConstraint("booked_month >= earned_month", name="booked_month"),
        CheckConstraint(
            "num_nulls(contribution_month, programme, month_index)"
            " = CASE WHEN cause = 'contribution' THEN 0 ELSE 3 END",
            name="contribution",
        ),
        Index(
            "uq_commission_lines_entry",
            "allocation_id",
            "cause",
            "contribution_month",
            "programme",
            "rule",
            "beneficiary_kind",
            "entry_no",
            "earned_month",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_commission_lines_beneficiary_id_booked_month",
            "beneficiary_id",
            "booked_month",
            "id",
        ),
        Index("ix_commission_lines_booked_month", "booked_month", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (earned_month)"},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    earned_month: Mapped[Month] = mapped_column(primary_key=True)
    booked_month: Mapped[Month]
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    member_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    allocation_id: Mapped[UUID]
    scheme_id: Mapped[UUID]
    cause: Mapped[CommissionCause] = mapped_column(choice(CommissionCause, "cause"))
    rule: Mapped[CommissionRule] = mapped_column(choice(CommissionRule, "rule"))
    contribution_month: Mapped[Month | None]
    programme: Mapped[str | None]
    month_index: Mapped[int | None]
    base: Mapped[int]
    rate_bps: Mapped[int]
    parts: Mapped[int]
    entry_no: Mapped[int]
    reason: Mapped[CorrectionReason | None] = mapped_column(choice(CorrectionReason, "reason"))
    recorded_at: Mapped[datetime]

    @property
    def is_opposite(self) -> bool:
        """Whether it takes an earlier line back."""
        return self.base < 0


class StoredSums(Base):
    """What the lines booked in a month add up to, added up in the transaction that books them.

    through_id: the last line of this month in it. Lines get their ids under the lock of the
    months, so the greatest through_id of all rows says which lines are to be added.
    """

    __tablename__ = "commission_month_sums"

    month: Mapped[Month] = mapped_column(primary_key=True)
    line_count: Mapped[int]
    agent_parts: Mapped[int]
    wadah_parts: Mapped[int]
    through_id: Mapped[int]
