"""Options of a measurement: duration, rounds, processes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a measurement. quick: short test runs whose figures are not stored."""

    quick: bool = False
    seconds: float = 15.0
    rounds: int = 3
    bills: int = 150_000
    enrolled: int = 8_000
    """Rows of `batch_enrolment`."""
    requests: int = 300_000
    """Of `memory_growth`."""
    world: int = 1_000_000
    small_world: int = 10_000
    """Members of the worlds of `list_pages` and `month_close`."""
    payment_processes: int = 2
    gateway_processes: int = 1
    statements: bool = False
    """Whether the bench of callbacks counts what PostgreSQL does; it costs some of the rate."""

    @property
    def label(self) -> str:
        return f"{self.seconds:g} s"
