from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.counting.rules import (
    AgentMonth,
    AnsweredAllocation,
    Crossing,
    PaidLine,
    booked_month,
    find_movable,
    first_free_month,
)
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
SOMEBODY, WADAH = UUID(int=1), UUID(int=2)
ALLOCATION = AnsweredAllocation(
    allocation_id=UUID(int=5),
    payment_id=UUID(int=3),
    member_id=UUID(int=4),
    payer="self",
    counts_at=datetime(2025, 11, 30, 16, 59, 59, tzinfo=UTC),
    paid=(PaidLine(NOVEMBER, "jkk", 10_000), PaidLine(NOVEMBER, "jkm", 6_800)),
    is_declined=False,
    months=frozenset({NOVEMBER}),
    first_month=NOVEMBER,
    agent_id=SOMEBODY,
    wadah_id=WADAH,
    is_acquisition=True,
    was_at_work=True,
)


@pytest.mark.parametrize(
    ("earned", "closed_through", "booked"),
    [
        (NOVEMBER, None, NOVEMBER),
        (NOVEMBER, Month(2025, 10), NOVEMBER),
        (NOVEMBER, NOVEMBER, Month(2025, 12)),
        (NOVEMBER, Month(2026, 3), Month(2026, 4)),
    ],
)
def test_a_line_for_a_closed_month_is_booked_in_the_first_open_one(
    earned: Month, closed_through: Month | None, booked: Month
) -> None:
    assert booked_month(earned, closed_through) == booked


@pytest.mark.parametrize(
    ("closed_through", "counted_through", "free"),
    [
        (None, None, None),
        (None, NOVEMBER, Month(2025, 12)),
        (NOVEMBER, None, Month(2025, 12)),
        (NOVEMBER, Month(2026, 1), Month(2026, 2)),
        (Month(2026, 1), NOVEMBER, Month(2026, 2)),
    ],
)
def test_a_month_is_free_while_it_is_neither_closed_nor_counted_in(
    closed_through: Month | None, counted_through: Month | None, free: Month | None
) -> None:
    assert first_free_month(closed_through, counted_through) == free


def test_an_allocation_counts_in_the_jakarta_month_of_its_instant() -> None:
    later = replace(ALLOCATION, counts_at=datetime(2025, 11, 30, 17, tzinfo=UTC))

    assert (ALLOCATION.month, later.month) == (NOVEMBER, Month(2025, 12))


def test_a_new_member_counts_with_the_programmes_of_the_first_month() -> None:
    second = [PaidLine(NOVEMBER.plus(1), programme, 10_000) for programme in ("jkk", "jkm", "jht")]

    assert replace(ALLOCATION, paid=(*second, *ALLOCATION.paid)).programmes == 2


@pytest.mark.parametrize(
    "differences",
    [
        {"was_at_work": False},
        {"agent_id": None},
        {"months": frozenset()},
    ],
    ids=str,
)
def test_nobody_earns_without_an_agent_at_work_or_a_month_that_counts(
    differences: dict[str, object],
) -> None:
    allocation = replace(ALLOCATION, **differences)  # type: ignore[arg-type]  # by name

    assert (ALLOCATION.earner, ALLOCATION.acquirer) == (SOMEBODY, SOMEBODY)
    assert (allocation.earner, allocation.acquirer) == (None, None)


def acquired(number: int, hour: int, agent_id: UUID = SOMEBODY) -> AnsweredAllocation:
    counts_at = datetime(2025, 11, 10, tzinfo=UTC) + timedelta(hours=hour)
    return replace(
        ALLOCATION, allocation_id=UUID(int=number), counts_at=counts_at, agent_id=agent_id
    )


def find_crossing(stored: Mapping[int, AnsweredAllocation], needed: int) -> Crossing | None:
    """Return what the whole month says."""
    own = sorted(
        Crossing(each.counts_at, each.allocation_id)
        for each in stored.values()
        if each.acquirer == SOMEBODY
    )
    return own[needed - 1] if len(own) >= needed else None


HOURS = st.tuples(st.integers(0, 5), st.sampled_from([SOMEBODY, UUID(int=9)]))
ACQUIRED = st.dictionaries(st.integers(1, 8), HOURS).map(
    lambda found: {number: acquired(number, *each) for number, each in found.items()}
)


@given(stored=ACQUIRED, page=ACQUIRED, needed=st.integers(1, 4))
def test_a_crossing_that_cannot_move_stays(
    stored: dict[int, AnsweredAllocation], page: dict[int, AnsweredAllocation], needed: int
) -> None:
    pair: AgentMonth = (SOMEBODY, NOVEMBER)
    found = find_crossing(stored, needed)
    before = {pair: found} if found else {}
    known = {
        each.allocation_id: each.acquiring for each in stored.values() if each.acquiring is not None
    }

    movable = find_movable([pair], before, page.values(), known)

    if pair not in movable:
        assert find_crossing(stored | page, needed) == found


def test_what_is_new_and_counts_after_a_crossing_does_not_move_it() -> None:
    pair = (SOMEBODY, NOVEMBER)
    before = {pair: Crossing(acquired(1, 2).counts_at, UUID(int=1))}

    assert find_movable([pair], before, [acquired(2, 3)], {}) == set()
    assert find_movable([pair], before, [acquired(2, 1)], {}) == {pair}
    assert find_movable([pair], {}, [acquired(2, 3)], {}) == {pair}
    assert find_movable([pair], before, [acquired(2, 3)], {UUID(int=2): pair}) == {pair}
