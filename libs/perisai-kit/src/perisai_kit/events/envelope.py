"""The envelope of events: CloudEvents 1.0 as JSON, with a position."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from perisai_kit.domain.errors import Unavailable


class CloudEvent(BaseModel):
    """The part of the envelope that a reader needs. completeat: see `FeedReader`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    type: str
    subject: str
    time: AwareDatetime
    data: dict[str, Any]
    position: int = Field(gt=0)
    completeat: datetime | None = None


class FeedUnreadable(Unavailable):
    code = "feed_unreadable"
    text = "The feed of the other service is not valid."
    text_id = "Feed dari layanan lain tidak dapat dibaca."


_BATCH = TypeAdapter(list[CloudEvent])


def read_batch(answer: Any, *, after: int) -> list[CloudEvent]:
    """Return the events of a feed's answer.

    Raises: FeedUnreadable for an invalid answer, or if positions do not rise.
    """
    try:
        batch = _BATCH.validate_python(answer)
    except ValidationError:
        raise FeedUnreadable from None
    for event in batch:
        if event.position <= after:
            raise FeedUnreadable
        after = event.position
    return batch
