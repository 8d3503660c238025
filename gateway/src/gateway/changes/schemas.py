import uuid
from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.changes.rules import ChangeKind, ChangeSource
from perisai_kit.http.types import Out


class AccountChangeOut(Out):
    id: uuid.UUID
    at: datetime
    change: ChangeKind
    source: ChangeSource
    author_id: uuid.UUID | None = Field(description="The account that made the change.")
    reason: str | None
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
