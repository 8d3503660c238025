from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from perisai_kit.http.types import (
    Day,
    MemberId,
    Model,
    Out,
    RecordId,
    with_example,
)


class StatedWork(Model):
    working: Annotated[StrictBool, Field(description="Must be true.")]
    declared_on: Annotated[
        Day, Field(description="Day of the declaration; may be before it was sent.")
    ]


class NewWorkDeclaration(StatedWork):
    """A statement that the member works."""

    model_config = with_example(working=True, declared_on="2026-11-03")

    id: Annotated[UUID | None, Field(description="A UUID that the client makes.")] = None


class WorkDeclarationOut(Out):
    id: RecordId
    member_id: MemberId
    declared_on: Annotated[date, Field(description="Day of the declaration.")]
    made_by: Annotated[UUID, Field(description="Account that sent it.")]
    made_at: Annotated[datetime, Field(description="When it was received.")]


class WorkDeclarationsOut(Out):
    items: Annotated[list[WorkDeclarationOut], Field(description="The newest first, at most 100.")]
