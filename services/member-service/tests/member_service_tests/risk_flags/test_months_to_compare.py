"""The question which months are compared hides none in which the rules find a flag."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from member_service.members.rules import RiskThresholds
from member_service.risk_flags.models import AcquiredMember
from member_service.risk_flags.queries import find_months_to_compare
from member_service.risk_flags.rules import Traits, find_flags
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOVEMBER = Month(2026, 11)
AT = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
HASHES = st.sampled_from([b"one", b"two", b"three"])
BATCHES = st.none() | st.sampled_from([UUID(int=1), UUID(int=2)])
ACCOUNTS = st.none() | st.sampled_from(["one", "two"])
THRESHOLDS = st.builds(
    RiskThresholds, *(st.integers(2, 4) for _ in ("phone", "address", "batch", "account", "older"))
)
TRAITS = st.tuples(st.integers(0, 2), HASHES, HASHES, BATCHES, ACCOUNTS, st.none() | st.booleans())


@given(rows=st.lists(TRAITS, max_size=6), thresholds=THRESHOLDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_month_with_a_flag_is_compared(
    session: AsyncSession,
    enrol: Callable[..., Awaitable[Member]],
    rows: list[tuple[int, bytes, bytes, UUID | None, str | None, bool | None]],
    thresholds: RiskThresholds,
) -> None:
    agent_id = new_id()
    async with session.begin_nested() as savepoint:
        members = [(await enrol(session)).id for _ in range(3)] if rows else []
        month = {}
        for member, phone, address, batch_id, account, is_older in rows:
            traits = Traits(
                members[member], phone, address, batch_id, account, is_older=bool(is_older)
            )
            month[id_ := new_id()] = traits
            await session.execute(
                insert(AcquiredMember).values(
                    **{**asdict(traits), "is_older": is_older},
                    allocation_id=id_,
                    agent_id=agent_id,
                    month=NOVEMBER,
                    counts_at=AT,
                    first_month=NOVEMBER,
                    branch_code="BWI",
                    region_code="JTM",
                )
            )

        found = await find_months_to_compare(session, [(agent_id, NOVEMBER)], thresholds)
        await savepoint.rollback()

    if find_flags(month, thresholds):
        assert found == [(agent_id, NOVEMBER)]
    elif len(rows) < 2:
        assert found == []
