"""The repository speaks of the project alone, and holds no secret."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
MACHINE_PATH = re.compile(rb"/(?:work|root|home/[a-z]+)/(?:main|shared|\.)")


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    return [ROOT / name.decode() for name in names.split(b"\0") if name]


def test_no_file_holds_a_private_key_or_a_path_of_a_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.is_file()
        and (PRIVATE_KEY.search(data := path.read_bytes()) or MACHINE_PATH.search(data))
    ]

    assert found == []
