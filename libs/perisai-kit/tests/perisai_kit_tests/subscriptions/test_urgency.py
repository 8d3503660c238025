"""How long a reader pauses after a page."""

import pytest

from perisai_kit.events.turns import BUSY_FROM, PATIENT, PROMPT, REST_S, USUAL, Urgency

FULL = 1000


@pytest.mark.parametrize("urgency", [PROMPT, USUAL, PATIENT])
def test_after_a_few_events_the_next_ones_are_soon_read(urgency: Urgency) -> None:
    assert urgency.compute_rest_s(0, limit=FULL, worked_s=60) == 0
    assert urgency.compute_rest_s(1, limit=FULL, worked_s=60) == REST_S
    assert urgency.compute_rest_s(BUSY_FROM - 1, limit=FULL, worked_s=60) == REST_S


def test_after_a_busy_page_the_pause_is_by_the_urgency() -> None:
    pauses = [
        each.compute_rest_s(BUSY_FROM, limit=FULL, worked_s=0) for each in (PROMPT, USUAL, PATIENT)
    ]

    assert pauses == sorted(pauses)
    assert pauses == [PROMPT.rest_s, USUAL.rest_s, PATIENT.rest_s]


@pytest.mark.parametrize("urgency", [PROMPT, USUAL])
def test_a_full_page_is_followed_at_once_where_somebody_waits(urgency: Urgency) -> None:
    assert urgency.compute_rest_s(FULL, limit=FULL, worked_s=60) == 0


@pytest.mark.parametrize("limit", [1, BUSY_FROM, FULL])
def test_what_may_be_late_leaves_most_of_the_time_to_others_while_much_is_unread(
    limit: int,
) -> None:
    worked_s = 1.5

    rest_s = PATIENT.compute_rest_s(limit, limit=limit, worked_s=worked_s)

    assert rest_s == PATIENT.times * worked_s
    assert worked_s < (worked_s + rest_s) / 2


def test_the_pause_grows_with_what_a_page_takes() -> None:
    fast, slow = (
        PATIENT.compute_rest_s(BUSY_FROM, limit=FULL, worked_s=each) for each in (0.1, 10.0)
    )

    assert fast == PATIENT.rest_s
    assert slow == 10.0 * PATIENT.times
