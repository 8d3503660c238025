import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from agent_service.applications.rules import ApplicationStatus
from agent_service.base import Base
from agent_service.requirements.rules import Citizenship
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text

_LIVE = text("status NOT IN ('active', 'rejected', 'withdrawn')")


class Application(Base):
    __tablename__ = "applications"
    __table_args__ = (
        Index("uq_applications_nik_hash", "nik_hash", unique=True, postgresql_where=_LIVE),
        Index("uq_applications_account_id", "account_id", unique=True, postgresql_where=_LIVE),
        Index("ix_applications_account_id_id", "account_id", "id"),
        Index(None, "branch_code", "id"),
        Index(None, "region_code", "id"),
        Index(None, "wadah_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
    device_id: Mapped[str]
    account_member_id: Mapped[uuid.UUID | None]
    """The member whose telephone number the applicant proved at the gateway, if any."""
    member_id: Mapped[uuid.UUID | None]
    """The member with this NIK, once member-service has found one."""
    wadah_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wadahs.id"))
    branch_code: Mapped[str] = mapped_column(ForeignKey("branches.code"))
    region_code: Mapped[str]

    nik = sealed_text()
    nik_hash: Mapped[bytes] = mapped_column(LargeBinary)
    nik_warnings: Mapped[list[str]] = mapped_column(ARRAY(Text))
    birth_date = sealed_text()
    full_name = sealed_text()
    citizenship: Mapped[Citizenship] = mapped_column(choice(Citizenship, "citizenship"))
    not_bpjs_employee: Mapped[bool]
    bank_code: Mapped[str]
    account_no = sealed_text()
    account_holder_name = sealed_text()
    account_corrected_by: Mapped[uuid.UUID | None]
    """Who corrected the bank account last; they may not approve."""
    device_description: Mapped[str]

    status: Mapped[ApplicationStatus] = mapped_column(choice(ApplicationStatus, "status"))
    reason_code: Mapped[str | None]
    applied_at: Mapped[datetime]


class ApplicationChange(Base):
    __tablename__ = "application_changes"
    __table_args__ = (Index(None, "application_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    from_status: Mapped[ApplicationStatus | None] = mapped_column(
        choice(ApplicationStatus, "from_status")
    )
    to_status: Mapped[ApplicationStatus] = mapped_column(choice(ApplicationStatus, "to_status"))
    reason_code: Mapped[str | None]
    reason = sealed_text(nullable=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID]
