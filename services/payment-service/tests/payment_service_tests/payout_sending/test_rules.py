from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.payout_sending.rules import (
    LONGEST_REPEAT,
    Waiting,
    choose,
    find_room,
    fits_cap,
    is_open,
    pause_before_repeat,
)
from perisai_kit.domain.ids import new_id

AMOUNTS = st.lists(st.integers(min_value=1, max_value=10**9), max_size=30)


@pytest.mark.parametrize(
    ("at", "is_before"),
    [
        (datetime(2026, 11, 4, 7, 59, 59, tzinfo=UTC), True),  # 14:59:59 in Jakarta
        (datetime(2026, 11, 4, 8, tzinfo=UTC), False),
        (datetime(2026, 11, 4, 16, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 4, 17, tzinfo=UTC), True),  # midnight: the next day
    ],
)
def test_an_account_sends_until_the_cut_off_of_each_jakarta_day(
    at: datetime, is_before: bool
) -> None:
    assert is_open(time(15), at=at) is is_before


def test_the_limit_of_a_day_may_be_reached_and_not_passed() -> None:
    assert fits_cap(10, sent=90, cap=100)
    assert not fits_cap(11, sent=90, cap=100)


@given(amounts=AMOUNTS, room=st.integers(min_value=0, max_value=10**10))
def test_what_is_chosen_fits_and_what_is_left_would_not(amounts: list[int], room: int) -> None:
    waiting = [Waiting(new_id(), amount) for amount in amounts]

    chosen = choose(waiting, room=room)

    rest = room - sum(each.amount for each in chosen)
    assert rest >= 0
    assert all(each.amount > rest for each in waiting if each not in chosen)
    assert chosen == [each for each in waiting if each in chosen]


@pytest.mark.parametrize(
    ("cap", "sent", "funds", "in_flight", "room"),
    [(100, 30, 1000, 0, 70), (100, 0, 60, 20, 40), (100, 100, 60, 0, 0), (100, 0, 10, 20, 0)],
)
def test_the_room_is_the_least_of_limit_and_funds(
    cap: int, sent: int, funds: int, in_flight: int, room: int
) -> None:
    assert find_room(cap=cap, sent=sent, funds=funds, in_flight=in_flight) == room


def test_repeats_wait_longer_each_time() -> None:
    pauses = [pause_before_repeat(attempt) for attempt in range(2, 7)]

    assert pauses == [timedelta(seconds=30 * 2**n) for n in range(5)]
    assert pause_before_repeat(30) == LONGEST_REPEAT
