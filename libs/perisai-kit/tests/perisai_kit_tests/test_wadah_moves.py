from datetime import date
from uuid import UUID

import pytest

from perisai_kit.domain.at_work import WadahMove, find_wadah

A, B, C, UNKNOWN = (UUID(int=number) for number in range(1, 5))
TO_B = WadahMove(date(2026, 10, 1), A, B)
TO_C = WadahMove(date(2026, 12, 1), B, C)


@pytest.mark.parametrize(
    ("moves", "day", "expected"),
    [
        ([], date(2026, 10, 1), UNKNOWN),
        ([TO_B], date(2026, 9, 30), A),
        ([TO_B], date(2026, 10, 1), B),
        ([TO_C, TO_B], date(2026, 9, 30), A),
        ([TO_C, TO_B], date(2026, 11, 30), B),
        ([TO_C, TO_B], date(2026, 12, 1), C),
    ],
)
def test_an_agent_is_of_the_wadah_of_the_latest_move_that_has_begun(
    moves: list[WadahMove], day: date, expected: UUID
) -> None:
    assert find_wadah(moves, day, otherwise=UNKNOWN) == expected
