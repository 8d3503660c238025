from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity import service
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import CoverageDeclined, CoverageExtended, CoverageWithdrawn
from perisai_kit.testing.plugin import BusinessTime, Step

if TYPE_CHECKING:
    from agent_service_tests.conftest import MakeStep, World

Answer = CoverageExtended | CoverageWithdrawn | CoverageDeclined
AT = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
SUSPENSION = {"reason_code": "investigation", "reason": "A complaint"}


def _make_answer(differences: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "allocation_id": new_id(),
        "payment_id": new_id(),
        "bill_id": new_id(),
        "member_id": new_id(),
        "answer_no": 1,
        "counts_at": AT,
    }
    return {**usual, **differences}


def extended(agent: UUID | None, **differences: Any) -> CoverageExtended:
    return CoverageExtended(**_make_answer({**_paid(agent), **differences}))


def withdrawn(agent: UUID | None, **differences: Any) -> CoverageWithdrawn:
    gone = {"months": (), "withdrawn": (Month(2026, 11),)}
    return CoverageWithdrawn(**_make_answer({**_paid(agent), **gone, **differences}))


def declined(**differences: Any) -> CoverageDeclined:
    return CoverageDeclined(**_make_answer({"reason_code": "not_declared", **differences}))


def _paid(agent: UUID | None) -> dict[str, Any]:
    return {
        "months": (Month(2026, 11),),
        "first_month": Month(2026, 11),
        "agent_id": agent,
        "wadah_id": agent and new_id(),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "is_acquisition": False,
    }


@pytest.fixture
def beginning(make_step: MakeStep) -> Sequence[Step]:
    """An agent at work since the first of August."""
    return [make_step(start_work, at=datetime(2026, 8, 1, 3, 0, tzinfo=UTC))]


async def start_work(world: World) -> UUID:
    return UUID((await world.agent())["id"])


@pytest.fixture
def agent_id(made: UUID, business_time: BusinessTime) -> UUID:
    business_time.at(datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    return made


async def counted(world: World, agent_id: UUID) -> dict[str, tuple[int, int]]:
    """Return acquisitions and contributions of the months that have any."""
    answer = await world.get(f"agents/{agent_id}/activity", by=world.officer)
    return {
        each["month"]: (each["new_members"], each["contributions"])
        for each in answer.json()["months"]
        if each["new_members"] or each["contributions"]
    }


async def test_of_nineteen_enrolled_the_six_who_paid_are_acquisitions_and_none_of_a_successor(
    world: World, session: AsyncSession, agent_id: UUID
) -> None:
    successor = UUID((await world.agent())["id"])
    acquisitions = [extended(agent_id, is_acquisition=True) for _ in range(6)]
    after_hand_over = [extended(successor) for _ in range(6)]

    await service.take_answers(session, acquisitions)
    await service.take_answers(session, after_hand_over)

    assert await counted(world, agent_id) == {"2026-11": (6, 6)}
    assert await counted(world, successor) == {"2026-11": (0, 6)}


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_the_answer_with_the_highest_number_stands_in_any_order(
    world: World, session: AsyncSession, agent_id: UUID, order: tuple[int, ...]
) -> None:
    allocation_id = new_id()
    answers: list[Answer] = [
        extended(agent_id, allocation_id=allocation_id, is_acquisition=True),
        declined(allocation_id=allocation_id, answer_no=2),
        extended(None, allocation_id=allocation_id, answer_no=3),
        extended(
            agent_id,
            allocation_id=allocation_id,
            answer_no=4,
            is_acquisition=True,
            counts_at=datetime(2026, 10, 31, 16, 59, tzinfo=UTC),
        ),
    ]

    for place in order:
        await service.take_answers(session, [answers[place], answers[place]])

    assert await counted(world, agent_id) == {"2026-10": (1, 1)}


@pytest.mark.parametrize("kind", [declined, withdrawn])
async def test_an_acquisition_is_withdrawn(
    world: World, session: AsyncSession, agent_id: UUID, kind: Any
) -> None:
    allocation_id = new_id()
    await service.take_answers(
        session, [extended(agent_id, allocation_id=allocation_id, is_acquisition=True)]
    )
    before = await counted(world, agent_id)
    taken_back = {"allocation_id": allocation_id, "answer_no": 2}

    await service.take_answers(
        session, [declined(**taken_back) if kind is declined else withdrawn(agent_id, **taken_back)]
    )

    assert before == {"2026-11": (1, 1)}
    assert await counted(world, agent_id) == {}


async def test_a_payment_with_a_month_left_still_counts(
    world: World, session: AsyncSession, agent_id: UUID
) -> None:
    left = withdrawn(agent_id, months=(Month(2026, 11),), is_acquisition=True)

    await service.take_answers(session, [left])

    assert await counted(world, agent_id) == {"2026-11": (1, 1)}


async def test_a_payment_for_several_members_counts_for_each(
    world: World, session: AsyncSession, agent_id: UUID
) -> None:
    payment_id = new_id()
    first, second, third = (extended(agent_id, payment_id=payment_id) for _ in range(3))
    await service.take_answers(session, [first, second, third])
    reversal = declined(
        allocation_id=second.allocation_id,
        payment_id=payment_id,
        answer_no=2,
        reason_code="reversed",
    )

    await service.take_answers(session, [reversal])

    assert await counted(world, agent_id) == {"2026-11": (0, 2)}


async def test_an_acquisition_on_a_day_away_does_not_count(
    world: World, session: AsyncSession, agent_id: UUID, business_time: BusinessTime
) -> None:
    business_time.at(datetime(2026, 11, 10, 3, 0, tzinfo=UTC))
    await world.ok(f"agents/{agent_id}/suspension", SUSPENSION, by=world.officer)
    business_time.at(datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    on_the_day = datetime(2026, 11, 10, 16, 59, tzinfo=UTC)

    await service.take_answers(
        session,
        [
            extended(agent_id, is_acquisition=True, counts_at=on_the_day),
            extended(agent_id, is_acquisition=True, counts_at=datetime(2026, 11, 11, tzinfo=UTC)),
        ],
    )

    assert await counted(world, agent_id) == {"2026-11": (1, 2)}


async def test_the_month_of_a_payment_is_the_month_in_jakarta(
    world: World, session: AsyncSession, agent_id: UUID
) -> None:
    begin = midnight(Month(2026, 11).first_day)  # 17:00 of 31 October in UTC

    await service.take_answers(session, [extended(agent_id, counts_at=begin)])

    assert await counted(world, agent_id) == {"2026-11": (0, 1)}


async def test_a_large_batch_is_recorded_at_once(
    world: World, session: AsyncSession, agent_id: UUID
) -> None:
    await service.take_answers(session, [extended(agent_id) for _ in range(1000)])

    assert await counted(world, agent_id) == {"2026-11": (0, 1000)}
