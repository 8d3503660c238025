"""The figures of a branch, a wadah and an agent are added up from indexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.overview import service
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plans import list_whole_reads

LARGE = {"agents", "applications", "coverage_answers"}


def who(*roles: Role, **claims: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **claims)


PEOPLE = {
    "branch": who(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "BWI", "JATIM")),
    "region": who(Role.AUDITOR, scope=Scope(ScopeKind.REGION, "JATIM")),
    "wadah": who(Role.WADAH_ADMIN, wadah_id=new_id()),
    "agent": who(Role.AGENT, agent_id=new_id()),
}


@pytest.mark.parametrize("reader", PEOPLE)
@pytest.mark.parametrize("lacking", ["both", "either"])
async def test_no_overview_reads_all_agents(
    session: AsyncSession,
    make_settings: Callable[..., Settings],
    shared_urls: Any,
    reader: str,
    lacking: str,
) -> None:
    settings = make_settings(
        Settings,
        shared_urls,
        member_url="http://member",
        payment_url="http://payment",
        inactivity_lacking=lacking,
    )

    whole = await list_whole_reads(session, service.add_up(session, PEOPLE[reader], settings))

    assert whole & LARGE == set()
