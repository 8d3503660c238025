from typing import Annotated

from pydantic import Field

from perisai_kit.domain.programmes import Sector
from perisai_kit.http.types import Out


class OccupationOut(Out):
    code: str
    name: Annotated[str, Field(description="In English.")]
    name_id: Annotated[str, Field(description="In Indonesian.")]
    sector: Sector


class OccupationsOut(Out):
    items: list[OccupationOut]
