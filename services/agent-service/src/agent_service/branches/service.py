from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.branches import queries, rules
from agent_service.branches.models import Branch
from agent_service.branches.schemas import NewBranch
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Slice, cut_page, read_cursor


async def open_branch(session: AsyncSession, new: NewBranch, *, by: Principal) -> Branch:
    """Open a branch office, and publish it.

    Raises: BranchExists.
    """
    row = Branch(
        code=new.code,
        name=new.name,
        region_code=new.region_code,
        opened_at=clock.now(),
        opened_by=by.account_id,
    )
    branch = await insert_once(session, row)
    if branch is None:
        raise rules.BranchExists(field="code")
    await publish(session, BranchOpened(branch_code=new.code, region_code=new.region_code))
    return branch


async def get(session: AsyncSession, code: str, *, field: str | None = None) -> Branch:
    """Return a branch. field: the request's field that named it.

    Raises: BranchNotFound.
    """
    return await queries.get_branch(session, code, field=field)


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    region_code: str | None,
    cursor: str | None,
    limit: int,
) -> Slice[Branch]:
    """Return one page of the branches in the order of their codes."""
    rows = await queries.list_branches(
        session,
        seen=queries.is_visible_to(principal),
        region_code=region_code,
        after=read_cursor(cursor, str),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda branch: branch.code)


def check_in_scope(by: Principal, *, branch_code: str, region_code: str) -> None:
    """Check that the subject works for this branch.

    Raises: BranchOutOfScope.
    """
    rules.check_in_scope(covered=by.covers(branch_code=branch_code, region_code=region_code))
