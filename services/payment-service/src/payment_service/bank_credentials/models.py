from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.bank_credentials.rules import ChangeStatus
from payment_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text


class CredentialChange(Base):
    """One person's proposal to replace credentials of a bank partner; another decides.

    public_key_pem, client_secret, allowed_sources: the new ones; None is not replaced.
    previous_until: until when the previous ones are valid; only of an approved one. A partner has
    at most one that is not decided.
    """

    __tablename__ = "bank_credential_changes"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(public_key_pem, client_secret, allowed_sources) > 0", name="replaces"
        ),
        CheckConstraint("overlap_days BETWEEN 0 AND 90", name="overlap_days"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(status = 'approved') = (previous_until IS NOT NULL)", name="approved"),
        Index(
            "uq_bank_credential_changes_open",
            "partner_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_bank_credential_changes_partner_id_id", "partner_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("bank_partners.id"))
    public_key_pem: Mapped[str | None]
    client_secret = sealed_text(nullable=True)
    allowed_sources: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    overlap_days: Mapped[int]
    status: Mapped[ChangeStatus] = mapped_column(choice(ChangeStatus, "status"))
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    previous_until: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
