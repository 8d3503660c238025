"""When the tasks of a process look again: together, so that an idle process wakes once for all."""

import random
import time

MEASURE_EVERY_S = 20.0
"""How often a worker sets its metrics, with every second look of the sequencer."""
_PHASE = random.random()
SOON = 0.1
"""A tick so near, as a share of the time between two, is left out."""


def until_tick(every_s: float) -> float:
    """Return the seconds until the next tick: between a tenth of `every_s` and eleven tenths.

    Ticks of one length are at the same instants for all tasks of a process, and those of several
    seconds are among those of one.
    """
    left = every_s - (time.monotonic() - _PHASE) % every_s
    return left if left > SOON * every_s else left + every_s
