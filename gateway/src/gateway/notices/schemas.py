from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.notices.rules import NoticeTemplate
from perisai_kit.http.types import Out, RecordId


class NoticeOut(Out):
    id: RecordId
    template: Annotated[NoticeTemplate, Field(description="Which notice it is.")]
    text: str = Field(description="In the language of the request.")
    created_at: Annotated[datetime, Field(description="When it was created.")]


class SentNoticeOut(Out):
    """A notice that a sandbox stored instead of sending it."""

    template: Annotated[NoticeTemplate, Field(description="Which notice it is.")]
    created_at: Annotated[datetime, Field(description="When it was created.")]
