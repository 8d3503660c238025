"""Payouts while the bank fails in every way and the worker is killed at every step.

Over real sockets. Each random course has its own payees, trouble and kills; after it comes a quiet
time in which everything settles. Then nobody was paid twice or never, and all books agree.
SOAK_PAYOUT_RUNS, SOAK_SEED and SOAK_PAYOUT_LANES say how many courses `make soak` takes, which, and
how many at once: docs/testing.md.
"""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import pytest
from stage.paying_courses import SETTLED_S, Stage, open_stage, take, warm_up
from stage.paying_tally import Tally
from stage.paying_worker import Step

from perisai_kit.testing.plugin import Urls

COURSES = int(os.environ.get("SOAK_PAYOUT_RUNS", "1000"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
LANES = int(os.environ.get("SOAK_PAYOUT_LANES", "6"))
CHECKED = 1
"""Random courses of every `make check`."""
STAGED = 64
"""Courses on one stage. The more transfers a bank has taken, the longer are its statements."""
PAUSE_S = 0.2
"""Of one course, which waits for its worker."""
LONG_PAUSE_S = 0.8
"""Of many lanes, which wait for the processor: a worker that looks less often takes less of it."""
ENOUGH = 100
"""In so many courses every kind of kill and trouble happens."""
MOST_STEPS = 300

OpenStage = Callable[[Tally, float], AbstractAsyncContextManager[Stage]]


@pytest.fixture
def new_stage(
    own_database: Callable[[str], Urls], test_secrets: dict[str, str], tmp_path: Path
) -> OpenStage:
    """Open a stage of its own, any number at once; with the pauses of its worker in seconds."""
    numbers = count()

    def open_next(tally: Tally, pause_s: float) -> AbstractAsyncContextManager[Stage]:
        folder = tmp_path / f"stage-{next(numbers)}"
        folder.mkdir()
        urls = own_database("payment")
        return open_stage(urls, test_secrets, folder, tally, pause_s=pause_s)

    return open_next


@pytest.fixture
async def stage(new_stage: OpenStage) -> AsyncIterator[Stage]:
    async with new_stage(Tally(), PAUSE_S) as opened:
        yield opened


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Write a line at once, and not at the end of the test."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    return write


@pytest.mark.e2e
async def test_nobody_is_paid_twice_or_never_in_a_few_random_courses(stage: Stage) -> None:
    for seed in range(1, 1 + CHECKED):
        assert await take(stage, seed) == [], f"SOAK_SEED={seed}"
    assert any(kind.startswith("killed") for kind in stage.tally.seen), "the worker is not killed"


@dataclass
class Soak:
    """Courses that several lanes share. wrong: what is wrong after a course, by its seed."""

    new_stage: OpenStage
    say: Callable[[str], None]
    left: deque[int]
    wrong: dict[int, list[str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    async def run_lane(self) -> None:
        while self.left:
            async with self.new_stage(self.tally, LONG_PAUSE_S) as stage:
                await warm_up(stage)
                for _ in range(min(STAGED, len(self.left))):
                    if self.left and not await self._take(stage, self.left.popleft()):
                        break
            self.say(f"{self.tally.courses} courses, {len(self.wrong)} of them wrong")

    async def _take(self, stage: Stage, seed: int) -> bool:
        """Take a course; return whether the stage is good for another one."""
        try:
            found = await take(stage, seed)
        except (AssertionError, OSError) as error:
            found = [repr(error)]
        except Exception as error:
            error.add_note(f"SOAK_SEED={seed}")
            raise
        if found:
            self.wrong[seed] = found
            self.say(f"FAIL SOAK_SEED={seed}: {found}")
        return not found


@pytest.mark.soak
async def test_nobody_is_paid_twice_or_never_in_many_random_courses(
    new_stage: OpenStage, say: Callable[[str], None]
) -> None:
    soak = Soak(new_stage, say, left=deque(range(SEED, SEED + COURSES)))
    async with asyncio.TaskGroup() as group:
        for _ in range(min(LANES, COURSES)):
            group.create_task(soak.run_lane())
    say("\n".join(soak.tally.write()))
    assert soak.wrong == {}
    assert COURSES < ENOUGH or soak.tally.find_missing() == []


@pytest.mark.soak
@pytest.mark.parametrize("step", Step)
async def test_a_kill_at_each_single_step_of_a_payment(stage: Stage, step: Step) -> None:
    """The bank works, so that the steps are the same each time until the payee is paid."""
    await warm_up(stage)
    for number in range(1, MOST_STEPS):
        course = await stage.begin(Random(number), stage.accounts[0], count=1)
        was_killed = await course.live(step, number, at_most_s=SETTLED_S)
        assert await course.end() == [], f"killed at {step} {number}"
        if not was_killed:
            assert number > 1, "the worker has no such step"
            return
    pytest.fail("a payment has more steps than were tried")
