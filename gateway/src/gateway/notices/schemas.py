import uuid
from datetime import datetime

from pydantic import Field

from gateway.notices.rules import NoticeTemplate
from perisai_kit.http.types import Out


class NoticeOut(Out):
    id: uuid.UUID
    template: NoticeTemplate
    text: str = Field(description="In the language of the request.")
    created_at: datetime


class SentNoticeOut(Out):
    """A notice that a sandbox stored instead of sending it."""

    template: NoticeTemplate
    created_at: datetime
