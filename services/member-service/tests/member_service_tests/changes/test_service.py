from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.changes import service
from member_service.changes.schemas import MemberPatch
from member_service.members.models import Member, MemberChange
from member_service.members.rules import Limits
from perisai_kit.privacy.keyring import Keyring

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
Change = Callable[..., Awaitable[Member]]


@pytest.fixture
def change(agent: Any, limits: Limits, keyring: Keyring) -> Change:
    async def make(session: AsyncSession, member: Member, **sent: Any) -> Member:
        return await service.change(
            session,
            member_id=member.id,
            patch=MemberPatch.model_validate(sent),
            if_match="*",
            viewer=agent.principal,
            limits=limits,
            keyring=keyring,
        )

    return make


async def test_a_change_names_its_fields_without_their_values(
    session: AsyncSession, enrol: Enrol, change: Change, agent: Any, published: Published
) -> None:
    member = await enrol(session)

    await change(session, member, declared_income=1_500_000, place_of_birth="Jember")

    event = (await published(session))[-1]
    recorded = await session.scalar(select(MemberChange))
    assert event == (
        "member.updated.v1",
        {"member_id": str(member.id), "changed": ["declared_income", "place_of_birth"]},
    )
    assert recorded is not None
    assert recorded.changed == ["declared_income", "place_of_birth"]
    assert (recorded.version, recorded.made_by) == (2, agent.principal.account_id)


async def test_a_change_to_the_present_value_is_no_change(
    session: AsyncSession, enrol: Enrol, change: Change, published: Published
) -> None:
    member = await enrol(session)
    before = await published(session)

    same = await change(session, member, declared_income=1_000_000, employs_others=False)

    assert same.version == 1
    assert await published(session) == before
