from fastapi import APIRouter

from member_service.declarations import service
from member_service.declarations.rules import DeclarationIdTaken, DeclaredInFuture, NotWorking
from member_service.declarations.schemas import (
    NewWorkDeclaration,
    WorkDeclarationOut,
    WorkDeclarationsOut,
)
from member_service.members.rules import MemberNotFound
from member_service.requests import KeeperOrMember, Reader
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)


@router.post(
    "/{member_id}/work-declarations",
    status_code=201,
    responses=problems(MemberNotFound, NotWorking, DeclaredInFuture, DeclarationIdTaken),
)
async def declare_work(
    member_id: MemberId, new: NewWorkDeclaration, session: Session, viewer: KeeperOrMember
) -> WorkDeclarationOut:
    """Record that the member works; a new registration after a lapse needs it."""
    declaration = await service.declare_work(session, member_id=member_id, new=new, viewer=viewer)
    return WorkDeclarationOut.model_validate(declaration)


@router.get("/{member_id}/work-declarations", responses=problems(MemberNotFound))
async def list_work_declarations(
    member_id: MemberId, session: Session, viewer: Reader
) -> WorkDeclarationsOut:
    """List a member's working-status declarations, the newest first, at most 100."""
    found = await service.list_declarations(session, member_id=member_id, viewer=viewer)
    return WorkDeclarationsOut(items=[WorkDeclarationOut.model_validate(each) for each in found])
