from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.bank_history.rules import PartnerChangeKind
from payment_service.base import Base
from perisai_kit.db.columns import choice


class PartnerChange(Base):
    """One change of a bank partner. Insert only.

    version: of the partner, after the change. before, after: the values that differ, without
    secrets; None where there is none.
    """

    __tablename__ = "bank_partner_changes"
    __table_args__ = (Index("ix_bank_partner_changes_partner_id_id", "partner_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("bank_partners.id"))
    at: Mapped[datetime]
    change: Mapped[PartnerChangeKind] = mapped_column(choice(PartnerChangeKind, "change"))
    author_id: Mapped[UUID]
    version: Mapped[int]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
