from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.branches.models import Branch
from agent_service.branches.rules import BranchNotFound
from perisai_kit.auth.principal import Principal


def is_visible_to(_: Principal) -> ColumnElement[bool]:
    """Return the condition of rows a subject sees: every subject may see every branch."""
    return true()


async def get_branch(session: AsyncSession, code: str, *, field: str | None = None) -> Branch:
    """Return a branch. Raises: BranchNotFound naming `field`."""
    branch = await session.get(Branch, code)
    if branch is None:
        raise BranchNotFound(field=field)
    return branch


async def list_branches(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    region_code: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Branch]:
    chosen = select(Branch).where(seen).order_by(Branch.code).limit(limit)
    if region_code is not None:
        chosen = chosen.where(Branch.region_code == region_code)
    if after is not None:
        chosen = chosen.where(Branch.code > after)
    return (await session.scalars(chosen)).all()
