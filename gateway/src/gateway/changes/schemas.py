import uuid
from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.changes.rules import Change, Source
from perisai_kit.http.types import Out


class ChangeOut(Out):
    id: uuid.UUID
    at: datetime
    change: Change
    source: Source
    author_id: uuid.UUID | None = Field(description="The account that made the change.")
    reason: str | None
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
