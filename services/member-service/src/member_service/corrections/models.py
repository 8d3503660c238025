import uuid
from datetime import datetime

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base
from member_service.corrections.rules import CorrectionStatus, StepKind
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text

_UNDECIDED = text("status IN ('open', 'waiting')")


class Correction(Base):
    """A proposed change of sensitive facts. The proposal never changes; steps decide it."""

    __tablename__ = "corrections"
    __table_args__ = (
        Index("uq_corrections_undecided", "member_id", unique=True, postgresql_where=_UNDECIDED),
        Index(None, "member_id", "proposed_at"),
        Index("ix_corrections_waiting", "id", postgresql_where=text("status = 'waiting'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    changes = sealed_text()
    """The new values as JSON."""
    proposed_by: Mapped[uuid.UUID]
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[CorrectionStatus] = mapped_column(choice(CorrectionStatus, "status"))
    effective_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it takes effect. It is set by the notice to the old number, or when it is applied."""


class CorrectionStep(Base):
    """One step of a correction, with its author and reason. Insert only."""

    __tablename__ = "correction_steps"
    __table_args__ = (Index(None, "correction_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    correction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("corrections.id"))
    kind: Mapped[StepKind] = mapped_column(choice(StepKind, "kind"))
    reason = sealed_text(nullable=True)
    """The evidence of an approval, the reason of a rejection."""
    made_by: Mapped[uuid.UUID | None]
    """None: the service itself, after a delay."""
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
