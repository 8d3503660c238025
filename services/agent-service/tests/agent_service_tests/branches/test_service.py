import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from agent_service.branches import service
from agent_service.branches.models import Branch
from agent_service.branches.rules import BranchExists
from agent_service.branches.schemas import NewBranch
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))


@pytest.mark.race
async def test_one_code_opened_twice_at_once_is_one_branch(
    own_database: Callable[[str], Urls], keyring: Keyring
) -> None:
    database = Database(own_database("agent").app, keyring=keyring)

    async def open_branch(name: str) -> None:
        async with database.begin() as session:
            new = NewBranch(code="BWI", name=name, region_code="JATIM")
            await service.open_branch(session, new, by=ADMIN)

    ended = await asyncio.gather(
        *(open_branch(f"Branch {number}") for number in range(5)), return_exceptions=True
    )

    async with database.read() as session:
        branches = await session.scalar(select(func.count()).select_from(Branch))
        events = await session.scalar(select(func.count()).select_from(EventRow))
    await database.dispose()
    assert sorted(type(each).__name__ for each in ended) == [BranchExists.__name__] * 4 + [
        "NoneType"
    ]
    assert (branches, events) == (1, 1)
