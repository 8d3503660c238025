from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.branches.models import Branch
from agent_service.branches.rules import BranchNotFound
from perisai_kit.auth.principal import Principal


def visible(_: Principal) -> ColumnElement[bool]:
    """Return the rows a subject sees: offices are public to everybody who is signed in."""
    return true()


async def get_branch(session: AsyncSession, code: str, *, field: str | None = None) -> Branch:
    """Raises: BranchNotFound naming `field`."""
    branch = await session.get(Branch, code)
    if branch is None:
        raise BranchNotFound(field=field)
    return branch


async def list_branches(
    session: AsyncSession, *, seen: ColumnElement[bool], after: str | None, limit: int
) -> Sequence[Branch]:
    chosen = select(Branch).where(seen).order_by(Branch.code).limit(limit)
    if after is not None:
        chosen = chosen.where(Branch.code > after)
    return (await session.scalars(chosen)).all()
