import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from agent_service.base import Base


class Branch(Base):
    __tablename__ = "branches"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    region_code: Mapped[str] = mapped_column(index=True)
    opened_at: Mapped[datetime]
    opened_by: Mapped[uuid.UUID]
