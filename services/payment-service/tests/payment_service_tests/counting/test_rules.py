from uuid import UUID

import pytest

from payment_service.counting.rules import (
    Care,
    Earning,
    PaidLine,
    earned_month,
    first_free_month,
)
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
SOMEBODY = UUID(int=1)


@pytest.mark.parametrize(
    ("paid_in", "closed_through", "earned_in"),
    [
        (NOVEMBER, None, NOVEMBER),
        (NOVEMBER, Month(2025, 10), NOVEMBER),
        (NOVEMBER, NOVEMBER, Month(2025, 12)),
        (NOVEMBER, Month(2026, 3), Month(2026, 4)),
    ],
)
def test_money_for_a_closed_month_counts_in_the_next_open_one(
    paid_in: Month, closed_through: Month | None, earned_in: Month
) -> None:
    assert earned_month(paid_in, closed_through) == earned_in


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


def test_a_new_member_counts_with_the_programmes_of_the_first_month() -> None:
    first = [PaidLine(NOVEMBER, programme, 10_000) for programme in ("jkk", "jkm")]
    second = [PaidLine(NOVEMBER.plus(1), programme, 10_000) for programme in ("jkk", "jkm", "jht")]
    care = Care(SOMEBODY, SOMEBODY, SOMEBODY, NOVEMBER)

    earning = Earning(SOMEBODY, SOMEBODY, NOVEMBER, care, "self", (*second, *first), is_new=True)

    assert earning.programmes == 2
