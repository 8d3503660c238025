from datetime import datetime

from sqlalchemy import DateTime, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base


class ThrottleCount(Base):
    """The attempts of one subject, a keyed hash, in one window."""

    __tablename__ = "throttle_counts"

    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), primary_key=True, index=True
    )
    hits: Mapped[int] = mapped_column(Integer)


class KnownDevice(Base):
    """A device that has signed in with a number or a name, as a keyed hash of both."""

    __tablename__ = "known_devices"

    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    signed_in_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
