"""Run a step of the installation and show its progress.

`progress.py PLACE TITLE COMMAND...`, such as `progress.py 3/4 "packages" uv pip install ...`: one
changing line on a terminal, otherwise a line every few seconds. The output of the command is only
shown after a failure. Standard library only, because nothing is installed yet.
"""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

TERMINAL_S = 0.2
PLAIN_S = 3.0
"""Below five seconds, so that the output never seems to hang."""
LEFT_MARGIN = "\r\033[K"
DOWNLOAD = re.compile(r"Downloading (\S+)")
RESOLVED = re.compile(r"Resolved (\d+) packages")
PLACED = re.compile(r"Installed \d+ packages")


class Step:
    """The progress of a running command; a thread reads its output."""

    def __init__(self, packages: Path | None) -> None:
        """packages: the folder of the installed packages, to count compiled files."""
        self.said: list[str] = []
        self._packages = packages

    def read(self, stream: IO[str]) -> None:
        for line in stream:
            self.said.append(line.rstrip())

    def describe(self) -> str:
        """Return the progress, from the output of the command and its files."""
        doing = ""
        for line in self.said:
            if found := RESOLVED.search(line):
                doing = f"fetching {found[1]} packages"
            elif found := DOWNLOAD.search(line):
                doing = f"fetching {found[1]}"
            elif PLACED.search(line):
                doing = f"compiling{self._share_compiled()}"
        return doing

    def _share_compiled(self) -> str:
        if self._packages is None:
            return ""
        sources = sum(1 for _ in self._packages.rglob("*.py"))
        compiled = sum(1 for _ in self._packages.rglob("*.pyc"))
        return f" {min(100, 100 * compiled // max(sources, 1))} %"


def run(
    place: str,
    title: str,
    command: Sequence[str],
    *,
    write: Callable[[str], object],
    is_terminal: bool,
    every_s: float,
    packages: Path | None = None,
) -> int:
    """Run the command and return its exit code; write progress every `every_s`."""
    began = time.monotonic()
    step = Step(packages)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    reader = threading.Thread(target=step.read, args=(process.stdout,), daemon=True)
    reader.start()

    def line(rest: str) -> str:
        seconds = f"{time.monotonic() - began:.0f} s"
        text = ", ".join(word for word in (rest, seconds) if word)
        return f"  {place} {title}: {text}"

    while True:
        try:
            code = process.wait(every_s)
            break
        except subprocess.TimeoutExpired:
            doing = line(step.describe())
            write(f"{LEFT_MARGIN}{doing}" if is_terminal else f"{doing}\n")
    reader.join()
    ended = line("done" if code == 0 else "failed")
    write(f"{LEFT_MARGIN}{ended}\n" if is_terminal else f"{ended}\n")
    if code != 0:
        write("".join(f"{each}\n" for each in step.said))
    return code


def main(place: str, title: str, *command: str) -> int:
    is_terminal = sys.stderr.isatty()
    found = sorted(Path(".venv/lib").glob("python*/site-packages"))

    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    return run(
        place,
        title,
        command,
        write=write,
        is_terminal=is_terminal,
        every_s=TERMINAL_S if is_terminal else PLAIN_S,
        packages=found[0] if found else None,
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
