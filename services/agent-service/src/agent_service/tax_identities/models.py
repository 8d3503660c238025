import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base
from agent_service.holders.rules import HolderKind
from agent_service.tax_identities.rules import TaxIdentityStatus
from perisai_kit.db.columns import choice
from perisai_kit.domain.nik import NikStatus
from perisai_kit.privacy.columns import sealed_text


class TaxIdentity(Base):
    """What holds for tax of an agent or wadah from a day on. A change is a further row.

    npwp: None where there is none. nik_status: of an agent; a wadah has no NIK.
    """

    __tablename__ = "tax_identities"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(holder_kind = 'agent') = (nik_status IS NOT NULL)", name="nik"),
        Index(
            "uq_tax_identities_open",
            "holder_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(None, "holder_id", "holds_from"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    holder_kind: Mapped[HolderKind] = mapped_column(choice(HolderKind, "holder_kind"))
    holder_id: Mapped[uuid.UUID]
    npwp = sealed_text(nullable=True)
    nik_status: Mapped[NikStatus | None] = mapped_column(choice(NikStatus, "nik_status"))
    holds_from: Mapped[date]

    status: Mapped[TaxIdentityStatus] = mapped_column(choice(TaxIdentityStatus, "status"))
    proposed_by: Mapped[uuid.UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
