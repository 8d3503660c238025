"""The possible dates of a consent."""

from datetime import UTC, datetime, timedelta

from member_service.consents import rules

NOW = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)


def test_a_telephones_clock_may_run_a_few_minutes_ahead() -> None:
    assert not rules.find_consent_problems(given_at=NOW + timedelta(minutes=10), now=NOW)
    assert rules.find_consent_problems(given_at=NOW + timedelta(minutes=11), now=NOW)
