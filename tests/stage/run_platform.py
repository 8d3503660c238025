"""The platform in a process of its own: `python run_platform.py FOLDER LOGS`.

It does what `perisai run --small` does. The output of each process goes into a file of its own in
LOGS, and no sign-in is shown.
"""

import sys
from pathlib import Path
from typing import Any

from sandbox.run import run
from sandbox.services import load_services


def main(folder: Path, logs: Path) -> None:
    def show(name: str, line: str) -> None:
        with (logs / f"{name}.log").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    async def stay_silent(_: dict[str, Any]) -> None:
        return

    run(folder, load_services(), show=show, when_ready=stay_silent, small=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
