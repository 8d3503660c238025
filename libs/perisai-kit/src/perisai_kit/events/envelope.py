"""The envelope in which an event travels: CloudEvents 1.0, JSON, with our position."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from perisai_kit.domain.errors import Unavailable


class CloudEvent(BaseModel):
    """What a reader needs of the envelope; `completeat` see `FeedReader`."""

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
    text = "The other service's feed is not a batch of events in order."
    text_id = "Umpan layanan lain tidak terbaca."


_BATCH = TypeAdapter(list[CloudEvent])


def read_batch(answer: Any, *, after: int) -> list[CloudEvent]:
    """Return the events of a feed's answer.

    Raises: FeedUnreadable where it is not one, or where a position does not rise.
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
