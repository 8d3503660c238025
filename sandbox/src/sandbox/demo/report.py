"""The output of the demo: one line per step with its checks."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.errors import SandboxError


@dataclass
class Report:
    """Collects checks; `failed` tells whether one failed.

    write: gets one line of text.
    """

    write: Callable[[str], None]
    failed: list[str] = field(default_factory=list)
    _checked: list[str] = field(default_factory=list)

    def check(self, what: str, holds: bool) -> None:
        """Record a check of the present step."""
        self._checked.append(what if holds else f"NOT: {what}")
        if not holds:
            self.failed.append(what)

    def step(self, title: str) -> None:
        """Finish the present step with its line."""
        mark = "ok  " if all(not each.startswith("NOT: ") for each in self._checked) else "FAIL"
        self.write(f"{mark} {title}: {'; '.join(self._checked)}")
        self._checked.clear()

    def say(self, line: str) -> None:
        """Write another line."""
        self.write(line)


class StepFailed(SandboxError):
    """Raised for an unexpected answer that a step cannot handle."""


class SignInRefused(StepFailed):
    """Raised when a password is refused."""
