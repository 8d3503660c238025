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
)


class StatedWork(Model):
    working: Annotated[StrictBool, Field(description="Must be true.")]
    declared_on: Day


class NewWorkDeclaration(StatedWork):
    id: Annotated[UUID | None, Field(description="A UUID of the client's making.")] = None


class WorkDeclarationOut(Out):
    id: RecordId
    member_id: MemberId
    declared_on: date
    made_by: UUID
    made_at: datetime


class WorkDeclarationsOut(Out):
    items: list[WorkDeclarationOut]
