import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from gateway.changes.rules import ChangeKind, ChangeSource
from perisai_kit.http.types import Out, RecordId


class AccountChangeOut(Out):
    id: RecordId
    at: Annotated[datetime, Field(description="When it was changed.")]
    change: Annotated[ChangeKind, Field(description="What was done.")]
    source: Annotated[ChangeSource, Field(description="Who or what did it.")]
    author_id: uuid.UUID | None = Field(description="The account that made the change.")
    reason: Annotated[str | None, Field(description="The reason the author gave.")]
    request_id: Annotated[str | None, Field(description="Request that made the change.")]
    before: Annotated[
        dict[str, Any] | None, Field(description="Values before, as far as they changed.")
    ]
    after: Annotated[
        dict[str, Any] | None, Field(description="Values after, as far as they changed.")
    ]
