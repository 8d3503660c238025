from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.throttles.rules import (
    REMEMBERED,
    Refusals,
    Throttle,
    Try,
    blocked,
    wait_s,
    window_start,
)


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


NOW = datetime(2026, 11, 1, 8, 7, 30, tzinfo=UTC)
UNKNOWN: Try = (Throttle("code-phone-address", 20, 900), "+6281234567890@192.0.2.1")


def test_a_refusal_is_remembered_for_a_moment_and_only_for_its_own_subject() -> None:
    throttle, _ = UNKNOWN
    refusals = Refusals()

    refusals.remember(UNKNOWN, now=NOW)

    found = refusals.find([(throttle, "somebody else"), UNKNOWN], now=NOW + REMEMBERED / 2)
    assert found is not None
    assert (found.throttle, found.wait_s, found.is_first) == (throttle, 448, False)
    assert refusals.find([(throttle, "somebody else")], now=NOW) is None
    assert refusals.find([UNKNOWN], now=NOW + REMEMBERED) is None


def test_a_refusal_is_never_remembered_past_its_window() -> None:
    next_window = window_start(NOW, 900) + timedelta(seconds=900)
    refusals = Refusals()

    refusals.remember(UNKNOWN, now=next_window - timedelta(seconds=1))

    assert refusals.find([UNKNOWN], now=next_window - timedelta(seconds=0.1)) is not None
    assert refusals.find([UNKNOWN], now=next_window) is None


def test_a_forgotten_refusal_is_asked_for_again() -> None:
    refusals = Refusals()
    refusals.remember(UNKNOWN, now=NOW)

    refusals.forget([UNKNOWN])

    assert refusals.find([UNKNOWN], now=NOW) is None


def test_refusals_are_bounded_in_number_and_the_oldest_goes_first() -> None:
    throttle, _ = UNKNOWN
    refusals = Refusals(most=2)

    for number in range(4):
        refusals.remember((throttle, str(number)), now=NOW)

    kept = [refusals.find([(throttle, str(number))], now=NOW) for number in range(4)]
    assert len(refusals) == 2
    assert [each is not None for each in kept] == [False, False, True, True]
