"""How often a process looks for what others did, and how it waits."""

import asyncio

from perisai_kit.events.signals import Pace, Signal


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


async def test_a_task_that_is_signalled_and_cancelled_at_once_ends() -> None:
    signal = Signal()

    async def wait_for_ever() -> None:
        while True:
            await signal.wait(signal.count, 3600)

    task = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    signal.send()
    task.cancel()

    ended, _ = await asyncio.wait([task], timeout=2)
    assert ended == {task}
    assert task.cancelled()
