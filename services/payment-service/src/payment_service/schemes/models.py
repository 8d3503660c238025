from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.schemes.rules import SchemeStatus
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class Scheme(Base):
    """A dated document. Only the decision on it is ever added; nobody is named on the seeded."""

    __tablename__ = "commission_schemes"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="four_eyes"),
        Index(
            "uq_commission_schemes_approved",
            "first_month",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    first_month: Mapped[Month]
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    source: Mapped[str]
    status: Mapped[SchemeStatus] = mapped_column(choice(SchemeStatus, "status"))
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
