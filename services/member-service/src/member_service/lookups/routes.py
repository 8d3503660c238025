from typing import Annotated

from fastapi import APIRouter, Depends

from member_service.lookups import service
from member_service.lookups.rules import LookupNeedsOne
from member_service.lookups.schemas import MemberLookup, MemberLookupResult
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import Forbidden
from perisai_kit.domain.nik import NikInvalid
from perisai_kit.http.dependencies import Keys, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute

router = APIRouter(prefix="/v1/member-lookups", tags=["members"], route_class=TransactionRoute)

Asker = Annotated[Principal, Depends(require(Role.SERVICE, Role.BRANCH_OFFICER, Role.ADMIN))]


@router.post(
    "",
    response_model_exclude_unset=True,
    responses=problems(LookupNeedsOne, NikInvalid, Forbidden),
)
async def look_up(
    asked: MemberLookup, session: Session, viewer: Asker, keyring: Keys
) -> MemberLookupResult:
    """Find the member with a NIK or, for services only, the members with a telephone number.

    An officer finds only members within their own scope. The reading is recorded.
    """
    return await service.look_up(session, asked=asked, viewer=viewer, keyring=keyring)
