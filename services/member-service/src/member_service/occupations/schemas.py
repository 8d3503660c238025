from typing import Annotated

from pydantic import Field

from perisai_kit.domain.programmes import Sector
from perisai_kit.http.types import Out


class OccupationOut(Out):
    code: Annotated[str, Field(description="The code to send.")]
    name: Annotated[str, Field(description="In English.")]
    name_id: Annotated[str, Field(description="In Indonesian.")]
    sector: Annotated[Sector, Field(description="Decides the relief of contributions.")]


class OccupationsOut(Out):
    items: Annotated[list[OccupationOut], Field(description="All occupations, by code.")]
