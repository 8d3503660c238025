from sqlalchemy import Index

from member_service.base import Base
from perisai_kit.privacy.asked_niks import AskedNikColumns


class AskedNik(AskedNikColumns, Base):
    """A NIK that an account has asked about, as a keyed hash. Deleted when it counts no longer."""

    __tablename__ = "asked_niks"
    __table_args__ = (Index(None, "asked_at"),)
