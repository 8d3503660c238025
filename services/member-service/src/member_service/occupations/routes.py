from typing import Annotated

from fastapi import APIRouter, Depends

from member_service.occupations.rules import OCCUPATIONS
from member_service.occupations.schemas import OccupationOut, OccupationsOut
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.roles import require

router = APIRouter(prefix="/v1/occupations", tags=["occupations"])

Anybody = Annotated[Principal, Depends(require())]


@router.get("")
async def list_occupations(_: Anybody) -> OccupationsOut:
    """List the occupations a member may have, with the sector each belongs to."""
    return OccupationsOut(
        items=[OccupationOut.model_validate(each) for each in OCCUPATIONS.values()]
    )
