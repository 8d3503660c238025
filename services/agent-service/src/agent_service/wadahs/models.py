import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base
from agent_service.wadahs.rules import TerminationReason, WadahKind, WadahStatus
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text


class Wadah(Base):
    __tablename__ = "wadahs"
    __table_args__ = (
        Index(None, "branch_code", "id"),
        Index(None, "region_code", "id"),
        CheckConstraint("agent_count >= 0", name="agent_count"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[WadahKind] = mapped_column(choice(WadahKind, "kind"))
    legal_entity: Mapped[bool]
    branch_code: Mapped[str] = mapped_column(ForeignKey("branches.code"))
    region_code: Mapped[str]
    status: Mapped[WadahStatus] = mapped_column(choice(WadahStatus, "status"))
    reason_code: Mapped[TerminationReason | None] = mapped_column(
        choice(TerminationReason, "reason_code")
    )
    agent_count: Mapped[int] = mapped_column(default=0)
    """Active agents; set by the agents feature in the transaction that changes one."""
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID]


class WadahChange(Base):
    __tablename__ = "wadah_changes"
    __table_args__ = (Index(None, "wadah_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    wadah_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wadahs.id"))
    from_status: Mapped[WadahStatus | None] = mapped_column(choice(WadahStatus, "from_status"))
    to_status: Mapped[WadahStatus] = mapped_column(choice(WadahStatus, "to_status"))
    reason_code: Mapped[str | None]
    reason = sealed_text(nullable=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID]
