"""What the `perisai` command says, in one line, when it cannot go on."""

from pathlib import Path


class SandboxError(Exception):
    """Something the user can do something about; its text is one line and names the remedy."""


class OlderSandbox(SandboxError):
    """Raised for a folder whose data this version cannot use."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} was made by an older version, whose data this one cannot use: "
            "`.venv/bin/perisai reset` deletes it, then start again."
        )
