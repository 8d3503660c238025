"""Rules for exams.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7).
"""

from datetime import date

from perisai_kit.domain.errors import Invalid


class ExamBeforeTraining(Invalid):
    code = "exam_before_training"
    text = "The exam is before the end of the training. Correct the dates."
    text_id = "Tanggal ujian lebih awal dari tanggal selesai pelatihan. Perbaiki tanggalnya."


def check_exam_date(taken_on: date, *, training_completed_on: date | None) -> None:
    """Check that an exam is not before the end of the training. Raises: ExamBeforeTraining."""
    if training_completed_on is not None and taken_on < training_completed_on:
        raise ExamBeforeTraining(field="taken_on")
