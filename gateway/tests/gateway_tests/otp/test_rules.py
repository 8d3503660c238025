from datetime import UTC, datetime, timedelta

import pytest

from gateway.otp.rules import is_usable

NOW = datetime(2026, 11, 1, 8, 7, 30, tzinfo=UTC)


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
