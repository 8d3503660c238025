from datetime import date

import pytest

from agent_service.trainings import rules

TODAY = date(2026, 11, 22)


def test_only_past_events_are_recorded() -> None:
    rules.check_happened(TODAY, today=TODAY, field="taken_on")

    with pytest.raises(rules.NotYetHappened) as refused:
        rules.check_happened(date(2026, 11, 23), today=TODAY, field="taken_on")

    assert refused.value.field == "taken_on"
