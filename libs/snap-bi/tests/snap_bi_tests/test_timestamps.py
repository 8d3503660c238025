from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snap_bi.errors import TimestampInvalid
from snap_bi.timestamps import (
    TimestampFormat,
    format_timestamp,
    is_within_skew,
    parse_timestamp,
)

INSTANT = datetime(2026, 10, 8, 3, 0, 0, 987654, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-08T10:00:00+07:00",
        "2026-10-08T10:00:00.000+07:00",
        "2026-10-08T03:00:00Z",
        "2026-10-08T03:00:00.000Z",
        "20261008T030000Z",
        "2026-10-08T10:00:00+0700",
    ],
)
def test_one_instant_in_every_form_banks_send(text: str) -> None:
    assert parse_timestamp(text) == datetime(2026, 10, 8, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-10-08",
        "2026-10-08T10:00:00",
        "2026-10-08 10:00:00+07:00",
        "2026-W41-4T10:00:00+07:00",
        "2026-13-08T10:00:00+07:00",
        "2026-10-08T25:00:00+07:00",
        "0001-01-01T00:00:00+07:00",
        "2026-10-08T10:00:00+07:00\n",
        "٢٠٢٦-10-08T10:00:00+07:00",
        "1791428400",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TimestampInvalid):
        parse_timestamp(text)


@given(st.text())
def test_parsing_never_fails_otherwise(text: str) -> None:
    with suppress(TimestampInvalid):
        assert parse_timestamp(text).tzinfo is not None


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (TimestampFormat.SECONDS, "2026-10-08T10:00:00+07:00"),
        (TimestampFormat.MILLISECONDS, "2026-10-08T10:00:00.987+07:00"),
        (TimestampFormat.UTC_SECONDS, "2026-10-08T03:00:00Z"),
        (TimestampFormat.UTC_MILLISECONDS, "2026-10-08T03:00:00.987Z"),
    ],
)
def test_each_profile_writes_its_own_form(form: TimestampFormat, text: str) -> None:
    assert format_timestamp(INSTANT, form) == text


def test_instant_without_offset_is_not_written() -> None:
    with pytest.raises(ValueError, match="offset"):
        format_timestamp(INSTANT.replace(tzinfo=None), TimestampFormat.SECONDS)


@pytest.mark.parametrize(("shift_s", "is_within"), [(300, True), (-300, True), (301, False)])
def test_skew_counts_both_ways_and_includes_its_bound(shift_s: int, is_within: bool) -> None:
    at = INSTANT + timedelta(seconds=shift_s)

    assert is_within_skew(at, now=INSTANT, skew_s=300) is is_within
    assert is_within_skew(INSTANT - timedelta(seconds=301), now=INSTANT, skew_s=300) is False
