from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codes.rules import is_usable, wait_s, window_start

NOW = datetime(2026, 11, 1, 8, 7, 30, tzinfo=UTC)


@given(st.integers(0, 4_000_000_000), st.integers(1, 86_400))
def test_waiting_leads_into_the_next_window(seconds: int, window_s: int) -> None:
    at = datetime.fromtimestamp(seconds, tz=UTC)

    begins = window_start(at, window_s)
    next_one = window_start(at + timedelta(seconds=wait_s(at, window_s)), window_s)

    assert begins <= at < begins + timedelta(seconds=window_s)
    assert next_one == begins + timedelta(seconds=window_s)


@pytest.mark.parametrize(
    ("ends_s", "consumed", "attempts", "usable"),
    [(1, False, 4, True), (0, False, 0, False), (1, True, 0, False), (1, False, 5, False)],
)
def test_when_a_code_may_still_be_tried(
    ends_s: int, consumed: bool, attempts: int, usable: bool
) -> None:
    answer = is_usable(
        expires_at=NOW + timedelta(seconds=ends_s),
        consumed_at=NOW if consumed else None,
        attempts=attempts,
        max_attempts=5,
        now=NOW,
    )

    assert answer is usable
