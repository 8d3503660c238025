from datetime import date

import pytest

from agent_service.exams import rules

TODAY = date(2026, 11, 22)


def test_an_exam_is_not_taken_before_the_training_ends() -> None:
    rules.check_exam_date(TODAY, training_completed_on=TODAY)
    rules.check_exam_date(TODAY, training_completed_on=None)

    with pytest.raises(rules.ExamBeforeTraining):
        rules.check_exam_date(date(2026, 11, 21), training_completed_on=TODAY)
