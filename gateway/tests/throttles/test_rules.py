from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.throttles.rules import Throttle, blocked, wait_s, window_start


@given(st.integers(0, 4_000_000_000), st.integers(1, 86_400))
def test_waiting_leads_into_the_next_window(seconds: int, window_s: int) -> None:
    at = datetime.fromtimestamp(seconds, tz=UTC)

    begins = window_start(at, window_s)
    next_one = window_start(at + timedelta(seconds=wait_s(at, window_s)), window_s)

    assert begins <= at < begins + timedelta(seconds=window_s)
    assert next_one == begins + timedelta(seconds=window_s)


def test_only_the_first_try_beyond_a_limit_of_an_account_locks_it_out() -> None:
    now = datetime(2026, 11, 1, 8, 7, 30, tzinfo=UTC)
    of_account = Throttle("password-name", 3, 900, of_account=True)
    of_address = Throttle("password-address", 3, 900)

    found = [blocked(of_account, hits, now) for hits in (3, 4, 5)]
    other = blocked(of_address, 4, now)

    assert found[0] is None
    assert [each.locks_account_out for each in found if each] == [True, False]
    assert [each.wait_s for each in found if each] == [450, 450]
    assert other is not None
    assert not other.locks_account_out
