from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.commissions.rules import CommissionRule
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class CommissionLine(Base):
    """What one beneficiary earned by one rule from one cause, exactly. Insert only.

    parts: 1/10,000 rupiah. Lines of one month lie together, so a summary of pages finds them. The
    payment and the scheme are no foreign keys: six lines a payment would check both each time.
    """

    __tablename__ = "commission_lines"
    __table_args__ = (
        CheckConstraint("base > 0 AND rate_bps > 0 AND parts = base * rate_bps", name="parts"),
        CheckConstraint(
            "num_nulls(contribution_month, programme, month_index) IN (0, 3)", name="contribution"
        ),
        Index(
            "ix_commission_lines_beneficiary_id_earned_month",
            "beneficiary_id",
            "earned_month",
            "id",
        ),
        Index("ix_commission_lines_earned_month", "earned_month", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    earned_month: Mapped[Month]
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    beneficiary_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    member_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    attribution_id: Mapped[UUID]
    scheme_id: Mapped[UUID]
    rule: Mapped[CommissionRule] = mapped_column(choice(CommissionRule, "rule"))
    contribution_month: Mapped[Month | None]
    programme: Mapped[str | None]
    month_index: Mapped[int | None]
    base: Mapped[int]
    rate_bps: Mapped[int]
    parts: Mapped[int]
    recorded_at: Mapped[datetime]
