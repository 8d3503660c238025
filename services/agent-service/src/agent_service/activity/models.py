import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.activity.rules import FactKind
from agent_service.base import Base
from perisai_kit.db.columns import choice


class ActivityFact(Base):
    """One new member or one received payment, under the id it has where it happened.

    A fact is a row and not a step of a counter, so that reading the feed again changes nothing.
    """

    __tablename__ = "activity_facts"
    __table_args__ = (
        Index(None, "agent_id", "month", "kind"),
        CheckConstraint("month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="month"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[FactKind] = mapped_column(choice(FactKind, "kind"))
    agent_id: Mapped[uuid.UUID]
    month: Mapped[str]
    recorded_at: Mapped[datetime]
