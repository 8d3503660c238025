"""The base of events, and their envelope: CloudEvents 1.0 as JSON, with a position."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from perisai_kit.domain.errors import Unavailable

TYPE_PATTERN = r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*\.v[1-9][0-9]*"
BOOKMARK_TYPE = "feed.read.v1"
"""The type of an event that only says up to where a feed was read; it is stored nowhere."""

_TYPE = re.compile(TYPE_PATTERN)


class Fact(BaseModel):
    """A part of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class Event(Fact):
    """The base. A subclass sets `type` and `subject_field`.

    Events of one subject are handled in order. An event that fails delays only later events of its
    own subject.
    """

    type: ClassVar[str]
    subject_field: ClassVar[str]

    @property
    def subject(self) -> str:
        return str(getattr(self, self.subject_field))


def build_registry(*classes: type[Event]) -> dict[str, type[Event]]:
    """Return the classes by type.

    Raises: ValueError for a repeated type, a type that is not like `noun.participle.v1`, and a
    subject that is not a field.
    """
    known: dict[str, type[Event]] = {}
    for cls in classes:
        if not _TYPE.fullmatch(cls.type):
            raise ValueError(f"{cls.__name__}: a type looks like bill.issued.v1")
        if cls.type in known or cls.type == BOOKMARK_TYPE:
            raise ValueError(f"{cls.__name__}: {cls.type} is taken")
        if cls.subject_field not in cls.model_fields:
            raise ValueError(f"{cls.__name__}: {cls.subject_field} is not a field")
        known[cls.type] = cls
    return known


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


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event as its feed has it. data: JSON. completeat: see `FeedReader`."""

    id: UUID
    type: str
    subject: str
    time: datetime
    data: str
    position: int
    completeat: datetime | None = None

    def open(self) -> CloudEvent:
        """Return the event as a reader gets it."""
        return CloudEvent(
            id=self.id,
            type=self.type,
            subject=self.subject,
            time=self.time,
            data=json.loads(self.data),
            position=self.position,
            completeat=self.completeat,
        )


class FeedUnreadable(Unavailable):
    code = "feed_unreadable"
    text = "The feed of the other service is not valid."
    text_id = "Feed dari layanan lain tidak dapat dibaca."


_BATCH = TypeAdapter(list[CloudEvent])


def write_batch(events: Iterable[FeedEvent], *, source: str) -> str:
    """Return the answer of a feed as JSON, in which the data of events stays as it is."""
    return f"[{', '.join([_write(each, source) for each in events])}]"


def _write(event: FeedEvent, source: str) -> str:
    envelope = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "datacontenttype": "application/json",
        "position": str(event.position),
    }
    if event.completeat is not None:
        envelope["completeat"] = event.completeat.isoformat()
    return f'{json.dumps(envelope)[:-1]}, "data": {event.data}}}'


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
