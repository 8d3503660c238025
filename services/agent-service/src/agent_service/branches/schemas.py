from typing import Annotated
from uuid import UUID

from pydantic import Field

from perisai_kit.http.types import (
    Code,
    Instant,
    Model,
    Out,
    RegionCode,
    ShortText,
    with_example,
)


class NewBranch(Model):
    model_config = with_example(code="BWI", name="Banyuwangi", region_code="JTM")

    code: Annotated[Code, Field(description="Code of the branch, such as BWI.")]
    name: Annotated[ShortText, Field(description="Name of the office.")]
    region_code: Annotated[Code, Field(description="Code of its region.")]


class BranchOut(Out):
    code: Annotated[str, Field(description="Code of the branch, such as BWI.")]
    name: Annotated[str, Field(description="Name of the office.")]
    region_code: RegionCode
    opened_at: Annotated[Instant, Field(description="When it was opened here.")]
    opened_by: Annotated[UUID, Field(description="Account that opened it.")]
