"""How often a process looks for what others did."""

from perisai_kit.events.signals import Pace


def test_a_look_comes_every_50_ms_while_there_is_work_and_once_a_second_when_idle() -> None:
    pace = Pace(now=100.0)

    assert pace.poll_s(now=100.0) == 0.05
    assert pace.poll_s(now=109.9) == 0.05
    assert pace.poll_s(now=110.0) == 1.0


def test_work_makes_the_looks_frequent_again() -> None:
    pace = Pace(now=100.0)

    pace.record_work(now=200.0)

    assert pace.poll_s(now=209.9) == 0.05
    assert pace.poll_s(now=210.0) == 1.0
