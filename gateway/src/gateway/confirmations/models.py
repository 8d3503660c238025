import uuid

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from gateway.otp.models import SentCode


class ConfirmationCode(SentCode):
    """A code that confirms one change. It signs nobody in."""

    __tablename__ = "confirmation_codes"
    __table_args__ = (
        Index("ix_confirmation_codes_subject_id_phone_hash", "subject_id", "phone_hash"),
    )
    lookup_kind = "confirmation"

    subject_id: Mapped[uuid.UUID]
    """What is confirmed: the id of the change at the service that asked."""
