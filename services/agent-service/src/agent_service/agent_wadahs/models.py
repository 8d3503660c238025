import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.agent_wadahs.rules import WadahMoveStatus
from agent_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text


class WadahMove(Base):
    """A move of an agent to another wadah from a day on. Agent, wadahs and day never change.

    reason_code: why it was cancelled. is_counted: the agents of both wadahs were counted since it
    began.
    """

    __tablename__ = "wadah_moves"
    __table_args__ = (
        CheckConstraint("from_wadah_id <> wadah_id", name="another_wadah"),
        CheckConstraint("extract(day FROM from_date) = 1", name="first_of_month"),
        CheckConstraint("status <> 'approved' OR decided_at IS NOT NULL", name="decided"),
        CheckConstraint("status = 'rejected' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(status = 'cancelled') = (reason_code IS NOT NULL)", name="cancelled"),
        Index(
            "uq_wadah_moves_proposed",
            "agent_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(
            "uq_wadah_moves_approved",
            "agent_id",
            "from_date",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        Index(
            "ix_wadah_moves_uncounted",
            "from_date",
            postgresql_where=text("status = 'approved' AND NOT is_counted"),
        ),
        Index(None, "agent_id", "id"),
        Index(None, "wadah_id", "id"),
        Index(None, "from_wadah_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agents.id"))
    from_wadah_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wadahs.id"))
    wadah_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wadahs.id"))
    from_date: Mapped[date]
    status: Mapped[WadahMoveStatus] = mapped_column(choice(WadahMoveStatus, "status"))
    reason_code: Mapped[str | None]
    proposed_by: Mapped[uuid.UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
    is_counted: Mapped[bool] = mapped_column(default=False)


class WadahMoveChange(Base):
    """A change of a move's status. Insert only."""

    __tablename__ = "wadah_move_changes"
    __table_args__ = (Index(None, "move_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    move_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wadah_moves.id"))
    from_status: Mapped[WadahMoveStatus | None] = mapped_column(
        choice(WadahMoveStatus, "from_status")
    )
    to_status: Mapped[WadahMoveStatus] = mapped_column(choice(WadahMoveStatus, "to_status"))
    reason_code: Mapped[str | None]
    reason = sealed_text(nullable=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID]
