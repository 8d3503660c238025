from hypothesis import given
from hypothesis import strategies as st

from payment_service.incentive_statements.rules import due
from payment_service.schemes.rules import PARTS


@given(
    parts=st.lists(st.integers(0, 10**12), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=8),
)
def test_statements_lose_nothing_whenever_months_are_closed(
    parts: list[int], cuts: list[int]
) -> None:
    stated = before = 0
    for cut in [*sorted(cuts), len(parts)]:
        total = sum(parts[:cut])
        stated += due(total_before=before, earned_parts=total - before).amount
        before = total

    assert stated == sum(parts) // PARTS


@given(before=st.integers(0, 10**15), earned=st.integers(0, 10**15))
def test_what_is_brought_and_earned_is_paid_or_carried(before: int, earned: int) -> None:
    found = due(total_before=before, earned_parts=earned)

    assert found.brought_parts + earned == found.amount * PARTS + found.carried_parts
    assert 0 <= found.carried_parts < PARTS
    assert found.amount == (before + earned) // PARTS - before // PARTS
