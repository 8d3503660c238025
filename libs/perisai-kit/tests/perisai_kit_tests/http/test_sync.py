"""From when on a client asks for changes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.http.answers.sync import (
    AHEAD,
    Since,
    UpdatedSinceInvalid,
    encode_since,
    parse_since,
)
from perisai_kit.testing.plugin import BusinessTime

TODAY = date(2026, 11, 3)


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> None:
    business_time.at(datetime(2026, 11, 3, 9, 0, tzinfo=JAKARTA))


def test_what_was_returned_is_read_again() -> None:
    since = Since(clock.real_now(), TODAY)

    assert parse_since(encode_since(since)) == since


def test_an_instant_is_of_its_day_in_jakarta_but_never_of_one_to_come() -> None:
    early = datetime(2020, 1, 1, 17, 0, tzinfo=UTC)
    assert parse_since("2020-01-01T17:00:00Z") == Since(early, date(2020, 1, 2))

    assert parse_since(clock.real_now().isoformat()).day <= TODAY


@pytest.mark.parametrize("day", [TODAY, None])
def test_an_instant_to_come_is_refused(day: date | None) -> None:
    near = clock.real_now() + AHEAD - timedelta(minutes=1)
    far = clock.real_now() + AHEAD + timedelta(minutes=1)
    end = "" if day is None else f"~{day}"

    assert parse_since(f"{near.isoformat()}{end}").at == near
    with pytest.raises(UpdatedSinceInvalid):
        parse_since(f"{far.isoformat()}{end}")


def test_a_day_that_begins_in_minutes_may_have_begun_elsewhere(business_time: BusinessTime) -> None:
    tomorrow = Since(clock.real_now(), TODAY + timedelta(days=1))
    business_time.at(datetime(2026, 11, 3, 23, 59, tzinfo=JAKARTA))

    assert parse_since(encode_since(tomorrow)) == tomorrow


def test_a_day_to_come_is_refused_as_after_the_test_clock_went_back() -> None:
    at = clock.real_now()

    assert parse_since(encode_since(Since(at, TODAY))).day == TODAY
    with pytest.raises(UpdatedSinceInvalid):
        parse_since(encode_since(Since(at, TODAY + timedelta(days=1))))
