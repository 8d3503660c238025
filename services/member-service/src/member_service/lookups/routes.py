from typing import Annotated

from fastapi import APIRouter, Depends

from member_service.lookups import service
from member_service.lookups.rules import LookupNeedsOne
from member_service.lookups.schemas import MemberLookup, MemberLookupOut
from member_service.requests import RequestId
from perisai_kit.auth import Principal, Role, require
from perisai_kit.db import Session
from perisai_kit.errors import Forbidden
from perisai_kit.idempotency import TransactionRoute
from perisai_kit.nik import NikInvalid
from perisai_kit.pii import Keys
from perisai_kit.problems import problems

router = APIRouter(prefix="/v1/member-lookups", tags=["members"], route_class=TransactionRoute)

Asker = Annotated[Principal, Depends(require(Role.SERVICE, Role.BRANCH_OFFICER, Role.ADMIN))]


@router.post(
    "",
    response_model_exclude_unset=True,
    responses=problems(LookupNeedsOne, NikInvalid, Forbidden),
)
async def look_up(
    asked: MemberLookup, session: Session, viewer: Asker, keyring: Keys, request_id: RequestId
) -> MemberLookupOut:
    """Tell whether a NIK is a member's, or, to services, who gave a telephone number.

    An officer is told only of members within the own scope. The reading is recorded.
    """
    return await service.look_up(
        session, asked=asked, viewer=viewer, keyring=keyring, request_id=request_id
    )
