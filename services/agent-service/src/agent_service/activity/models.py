import uuid
from datetime import date

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base


class CoverageAnswer(Base):
    """The latest answer of member-service to one allocation.

    A row is replaced and never added to, so reading the feed again in any order changes nothing.
    """

    __tablename__ = "coverage_answers"
    __table_args__ = (
        Index(None, "agent_id", "counts_on"),
        Index(
            "ix_coverage_answers_acquisitions",
            "agent_id",
            "counts_on",
            postgresql_where=text("is_acquisition"),
        ),
        CheckConstraint("agent_id IS NOT NULL OR NOT is_acquisition", name="acquisition"),
    )

    allocation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    answer_no: Mapped[int]
    agent_id: Mapped[uuid.UUID | None]
    """The agent who gets credit for the allocation. None: the branch, or it pays nothing."""
    counts_on: Mapped[date]
    """The Jakarta day of `counts_at`."""
    is_acquisition: Mapped[bool]
