import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.domain.programmes import PaymentMethod


class Agreement(Base):
    """A PKS. Never edited: an amended one is a further row with its own number.

    pays: who gets the incentives of the agents; None leaves it to the commission scheme.
    """

    __tablename__ = "agreements"
    __table_args__ = (
        UniqueConstraint("wadah_id", "number"),
        Index(None, "wadah_id", "ends_on"),
        CheckConstraint("ends_on >= starts_on", name="period"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    wadah_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wadahs.id"))
    number: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    pays: Mapped[PaymentMethod | None] = mapped_column(choice(PaymentMethod, "pays"))
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[uuid.UUID]
