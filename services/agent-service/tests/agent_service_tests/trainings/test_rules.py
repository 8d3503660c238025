from datetime import UTC, date, datetime

import pytest

from agent_service.trainings import rules

LATE_EVENING = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
"""22:30 in Jakarta and 00:30 of the next day in Jayapura."""


def test_only_past_events_are_recorded_as_the_east_of_indonesia_sees_it() -> None:
    rules.check_happened(date(2026, 11, 23), now=LATE_EVENING, field="taken_on")

    with pytest.raises(rules.NotYetHappened) as refused:
        rules.check_happened(date(2026, 11, 24), now=LATE_EVENING, field="taken_on")

    assert refused.value.field == "taken_on"
