"""What is compared with new acquisitions hides none in which the rules find a flag."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from member_service.members.rules import RiskThresholds
from member_service.risk_flags.models import AcquiredMember
from member_service.risk_flags.queries import list_alike
from member_service.risk_flags.rules import RiskFlag, Traits, find_flags
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
AT = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
HASHES = st.sampled_from([b"one", b"two", b"three"])
BATCHES = st.none() | st.sampled_from([UUID(int=1), UUID(int=2)])
ACCOUNTS = st.none() | st.sampled_from(["one", "two"])
THRESHOLDS = st.builds(
    RiskThresholds, *(st.integers(2, 4) for _ in ("phone", "address", "batch", "account", "older"))
)
TRAITS = st.tuples(st.integers(0, 2), HASHES, HASHES, BATCHES, ACCOUNTS, st.none() | st.booleans())


@given(pages=st.lists(st.lists(TRAITS, min_size=1, max_size=4), max_size=4), thresholds=THRESHOLDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_page_by_page_the_flags_of_the_whole_month_are_found(
    session: AsyncSession,
    enrol: Callable[..., Awaitable[Member]],
    pages: list[list[tuple[int, bytes, bytes, UUID | None, str | None, bool | None]]],
    thresholds: RiskThresholds,
) -> None:
    agent_id, other_agent_id = new_id(), new_id()
    found = set[tuple[UUID, RiskFlag]]()
    whole = dict[UUID, Traits]()
    async with session.begin_nested() as savepoint:
        members = [(await enrol(session)).id for _ in range(3)] if pages else []
        for page in pages:
            new = dict[UUID, Traits]()
            for member, phone, address, batch_id, account, is_older in page:
                shared = (phone, address, batch_id, account)
                traits = Traits(members[member], *shared, is_older=bool(is_older))
                stored = {**asdict(traits), "is_older": is_older}
                await insert_acquired(session, stored, other_agent_id, NOVEMBER)
                await insert_acquired(session, stored, agent_id, OCTOBER)
                new[await insert_acquired(session, stored, agent_id, NOVEMBER)] = traits
            whole |= new

            others = await list_alike(session, list(new))

            assert {each.allocation_id for each in others} <= whole.keys() - new.keys()
            alike = new | {each.allocation_id: whole[each.allocation_id] for each in others}
            found |= set(find_flags(alike, thresholds))
        await savepoint.rollback()

    assert found == set(find_flags(whole, thresholds))


async def insert_acquired(
    session: AsyncSession, traits: Mapping[str, Any], agent_id: UUID, month: Month
) -> UUID:
    allocation_id = new_id()
    await session.execute(
        insert(AcquiredMember).values(
            **traits,
            allocation_id=allocation_id,
            agent_id=agent_id,
            month=month,
            counts_at=AT,
            first_month=month,
            branch_code="BWI",
            region_code="JTM",
        )
    )
    return allocation_id
