import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base


class AskedNik(Base):
    """A NIK that an account has asked about, as a keyed hash. Deleted when it counts no longer."""

    __tablename__ = "asked_niks"
    __table_args__ = (Index(None, "asked_at"),)

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    nik_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asked_at: Mapped[datetime]
