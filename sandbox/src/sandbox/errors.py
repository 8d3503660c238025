"""Errors of the `perisai` command, each with one line of text."""

from pathlib import Path


class SandboxError(Exception):
    """An error that the user can fix; its text is one line with the remedy."""


class OlderSandbox(SandboxError):
    """Raised for a folder with data that this version cannot use."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} was made by an older version, whose data this one cannot use: "
            "`.venv/bin/perisai reset` deletes it, then start again."
        )
