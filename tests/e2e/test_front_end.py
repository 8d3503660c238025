"""docs/front-end.md is true: its lines are run in their order, twice, against the platform."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stage.customers import AT
from stage.pages import Block, blocks, differences
from stage.processes import Platform

from sandbox.services import ROOT

pytestmark = pytest.mark.e2e
PAGE = ROOT / "docs" / "front-end.md"
ENDS_S = 240
MARK = "\x1e"
TOOLS = ("bash", "curl", "python3")


@pytest.fixture(scope="module")
def page() -> list[Block]:
    return list(blocks(PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("time", ["first", pytest.param("second", marks=pytest.mark.soak)])
def test_every_line_of_the_page_does_what_it_says(
    platform: Platform, page: list[Block], tmp_path: Path, time: str
) -> None:
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"the page's lines need {tool}, which is not installed")

    with platform.business_time(AT):
        printed, said = run(platform, page, tmp_path)

    assert len(printed) == len(page), f"block {len(printed)} stopped: {said}"
    wrong = [
        (block.lines.splitlines()[-1], each)
        for block, output in zip(page, printed, strict=True)
        for each in differences(block, output)
    ]
    assert wrong == []


def run(platform: Platform, page: list[Block], folder: Path) -> tuple[list[str], str]:
    """Return what each block that came to its end printed, and the shell's own words."""
    script = "".join(f"{block.lines}\nprintf '{MARK}'\n" for block in page)
    variables = {
        "GATEWAY": platform.address("gateway"),
        "BANK": platform.address("fakebank"),
        "SANDBOX": str(platform.folder / "sandbox.json"),
        "TMPDIR": str(folder),
        "NO_PROXY": "127.0.0.1",
        # A `python3` that chooses a version first takes five times as long, dozens of times.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENDS_S,
        check=False,
    )
    return done.stdout.split(MARK)[:-1], done.stderr[-500:]


def test_the_page_shows_what_most_of_its_lines_print(page: list[Block]) -> None:
    assert sum(block.kind != "" for block in page) >= 15


@pytest.mark.parametrize(
    ("kind", "expected", "printed"),
    [
        ("json", '{"a": 1}', '{"a": 2}'),
        ("json", '{"a": 1}', '{"b": 1}'),
        ("json", '{"a": [1]}', '{"a": [1, 2]}'),
        ("json", '{"a": [1, "…"]}', '{"a": []}'),
        ("json", "{} 201", "{} 200"),
        ("json", "{} 201", "{}"),
        ("text", "x: …", "y: 1"),
    ],
)
def test_a_page_that_is_not_true_is_found(kind: str, expected: str, printed: str) -> None:
    assert differences(Block("", kind, expected), printed)


def test_what_differs_each_time_and_what_is_more_does_no_harm() -> None:
    assert differences(Block("", "json", '{"a": "…"} 1'), '{"a": {"b": 1}, "c": 2}\n1') == []
    assert differences(Block("", "json", '{"a": [1, "…"]}'), '{"a": [1, 2, 3]}') == []
    assert differences(Block("", "text", "x: …;"), "y\nx: 1;") == []
