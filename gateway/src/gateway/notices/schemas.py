import uuid
from datetime import datetime

from pydantic import Field

from gateway.notices.rules import Template
from perisai_kit.http.types import Out


class NoticeOut(Out):
    id: uuid.UUID
    template: Template
    text: str = Field(description="In the language of the request.")
    created_at: datetime


class SentNoticeOut(Out):
    """A notice that a sandbox stored instead of sending it."""

    template: Template
    created_at: datetime
