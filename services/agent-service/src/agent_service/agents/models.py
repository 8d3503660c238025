import uuid
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, Sequence, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from agent_service.agent_wadahs.queries import wadah_of_today
from agent_service.agents.rules import AgentStatus
from agent_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text

agent_numbers = Sequence("agent_numbers", metadata=Base.metadata)

_IN_OFFICE = text("status <> 'dismissed'")


class Agent(Base):
    __tablename__ = "agents"
    __table_args__ = (
        # A person or an account can be only one agent at a time.
        Index("uq_agents_nik_hash", "nik_hash", unique=True, postgresql_where=_IN_OFFICE),
        Index("uq_agents_account_id", "account_id", unique=True, postgresql_where=_IN_OFFICE),
        Index("ix_agents_nik_hash_all", "nik_hash"),
        Index("ix_agents_account_id_all", "account_id"),
        Index(None, "branch_code", "id"),
        Index(None, "region_code", "id"),
        Index(None, "wadah_id", "id"),
        Index(None, "member_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_code: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"), unique=True)
    account_id: Mapped[uuid.UUID]
    member_id: Mapped[uuid.UUID]
    first_wadah_id: Mapped[uuid.UUID] = mapped_column("wadah_id", ForeignKey("wadahs.id"))
    """The wadah at the activation. `wadah_id` is that of today."""
    branch_code: Mapped[str] = mapped_column(ForeignKey("branches.code"))
    region_code: Mapped[str]
    assignment_letter_number: Mapped[str]

    nik = sealed_text()
    nik_hash: Mapped[bytes] = mapped_column(LargeBinary)
    full_name = sealed_text()

    status: Mapped[AgentStatus] = mapped_column(choice(AgentStatus, "status"))
    reason_code: Mapped[str | None]
    in_office_since: Mapped[date]
    """The day of the activation or of the last reinstatement."""
    reinstatement_not_before: Mapped[date | None]
    """The end of the wait after inactivity. A dismissal keeps it: it binds the person."""
    activated_at: Mapped[datetime]

    # Read with the row, so that what is shown and who sees it agree. Refresh it after an insert.
    wadah_id: Mapped[uuid.UUID] = column_property(
        wadah_of_today(id, first_wadah_id), expire_on_flush=False
    )


class AgentChange(Base):
    __tablename__ = "agent_changes"
    __table_args__ = (Index(None, "agent_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agents.id"))
    from_status: Mapped[AgentStatus | None] = mapped_column(choice(AgentStatus, "from_status"))
    to_status: Mapped[AgentStatus] = mapped_column(choice(AgentStatus, "to_status"))
    reason_code: Mapped[str | None]
    reason = sealed_text(nullable=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID]
