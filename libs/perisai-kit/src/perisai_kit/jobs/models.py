"""The table beside the queue, for services that run jobs."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, DateTime, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from perisai_kit.db.columns import NAMING
from perisai_kit.privacy.columns import sealed_text


class JobsBase(DeclarativeBase):
    """The base of our own tables for jobs. Those of the queue belong to its library."""

    metadata = MetaData(naming_convention=NAMING)


class JobClosing(JobsBase):
    """Who closed a failed job, and why. Insert only; of several for one job the last one holds.

    job_id: its id in the queue, where it may be gone.
    """

    __tablename__ = "job_closings"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(BigInteger, index=True)
    entrypoint: Mapped[str] = mapped_column(Text)
    reason = sealed_text()
    closed_by: Mapped[uuid.UUID]
    closed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


JOBS_METADATA: MetaData = JobsBase.metadata
