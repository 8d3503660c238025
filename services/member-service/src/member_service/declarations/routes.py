from typing import Annotated

from fastapi import APIRouter, Request

from member_service.declarations import service
from member_service.declarations.rules import (
    DeclarationIdTaken,
    DeclaredInFuture,
    NotWorking,
    Stated,
    find_work_problems,
)
from member_service.declarations.schemas import (
    NewWorkDeclaration,
    WorkDeclarationOut,
    WorkDeclarationsOut,
)
from member_service.members.rules import MemberNotFound
from member_service.requests import KeeperOrMember, Reader
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Invalid
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)


def _find_problems(stated: Stated, _: Request) -> list[Invalid]:
    now = clock.now()
    return find_work_problems(working=stated.working, declared_on=stated.declared_on, now=now)


Declaration = Annotated[NewWorkDeclaration, BodyRules(_find_problems)]


@router.post(
    "/{member_id}/work-declarations",
    status_code=201,
    responses=problems(MemberNotFound, NotWorking, DeclaredInFuture, DeclarationIdTaken),
)
async def declare_work(
    member_id: MemberId, new: Declaration, session: Session, viewer: KeeperOrMember
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
