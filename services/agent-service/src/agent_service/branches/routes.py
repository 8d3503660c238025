from typing import Annotated

from fastapi import APIRouter, Query

from agent_service.branches import service
from agent_service.branches.models import Branch
from agent_service.branches.rules import BranchExists, BranchNotFound
from agent_service.branches.schemas import BranchOut, NewBranch
from agent_service.dependencies import BranchCode, CountryStaff, SignedIn
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page, Slice
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Code

router = APIRouter(prefix="/v1/branches", tags=["branches"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/branches", tags=["branches"])


@router.post(
    "",
    status_code=201,
    response_model=BranchOut,
    responses=problems(BranchExists),
)
async def open_branch(body: NewBranch, session: Session, staff: CountryStaff) -> Branch:
    """Open a branch office. For administrators and officers of the whole country."""
    return await service.open_branch(session, body, by=staff)


@reading.get("", response_model=Page[BranchOut])
async def list_branches(
    session: ReadSession,
    principal: SignedIn,
    region_code: Annotated[Code | None, Query(description="Only of this region.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Slice[Branch]:
    """List the branch offices in the order of their codes."""
    return await service.list_visible(
        session, principal=principal, region_code=region_code, cursor=cursor, limit=limit
    )


@reading.get("/{code}", response_model=BranchOut, responses=problems(BranchNotFound))
async def get_branch(code: BranchCode, session: ReadSession, _: SignedIn) -> Branch:
    """Return one branch office."""
    return await service.get(session, code)
