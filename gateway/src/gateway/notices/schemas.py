import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.notices.rules import Template
from perisai_kit.fields import Model, Out, Phone


class NoticeOut(Out):
    id: uuid.UUID
    template: Template
    text: str = Field(description="In the language of the request.")
    created_at: datetime


class NoticeOutboxRequest(Model):
    phone: Phone


class SentNoticeOut(Out):
    template: Template
    created_at: datetime


class NoticeOutboxOut(Out):
    """Newest first."""

    notices: Annotated[list[SentNoticeOut], Field(max_length=10)]
