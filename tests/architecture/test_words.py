"""The repository holds no secret and no path of a machine, and revised folders use its words."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from stage.modules import list_log_events, read

ROOT = Path(__file__).parents[2]
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
MACHINE_PATH = re.compile(rb"/(?:work|root|home/[a-z]+)/(?:main|shared|\.)")

REVISED = (
    "CONTRIBUTING.md",
    "README.md",
    "bench",
    "deploy",
    "docs",
    "gateway",
    "libs",
    "sandbox",
    "services",
    "tests",
)
"""Folders and files whose words have been revised. Add to this list and never remove from it."""
EXCEPT = {"tests/architecture/test_words.py"}
"""This list of the discarded words."""
TEXT = {".cfg", ".conf", ".lua", ".md", ".py", ".sql", ".toml"}
DISCARDED = re.compile(
    r"\b(?:bells?|doors?|firsts|passages?|strangers?|told|wake-?ups?|whoever"
    r"|late words?|second opinions?|commission statements?|he|him|himself|his)\b",
    re.IGNORECASE,
)
"""Words that docs/glossary.md replaces by a term of the field, and people in general as `he`."""
DISCARDED_IN_NAMES = frozenset(
    {
        *("bell", "bells", "care", "caller", "callers", "door", "doors", "firsts"),
        *("passage", "stranger", "strangers", "told", "traffic", "wakeup", "wakeups", "whoever"),
        "whose",
    }
)
"""Not part of any name in Python: as words of a sentence some of them are right."""
ONLY_RAISES = re.compile(r"\s*Raises:")
LOG_EVENT = re.compile(r"[a-z]+(?:_[a-z]+)*\.(?:[a-z]+_)*(?:[a-z]+ed|lost|sent|undone)")
"""A noun and a past participle, such as `signing_key.rotated`."""


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    return [ROOT / name.decode() for name in names.split(b"\0") if name]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def revised(*suffixes: str) -> list[Path]:
    """Return the files of these suffixes in the revised folders."""
    found = []
    for name in REVISED:
        top = ROOT / name
        found += [top] if top.is_file() else sorted(top.rglob("*"))
    return [path for path in found if path.suffix in suffixes and relative(path) not in EXCEPT]


def words_of(name: str) -> set[str]:
    """Split a name at underscores and capital letters, into lower-case words."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))


def test_no_file_holds_a_private_key_or_a_path_of_a_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = [
        relative(path)
        for path in tracked()
        if path.is_file()
        and (PRIVATE_KEY.search(data := path.read_bytes()) or MACHINE_PATH.search(data))
    ]

    assert found == []


def test_every_revised_folder_exists() -> None:
    assert [name for name in (*REVISED, *EXCEPT) if not (ROOT / name).exists()] == []
    assert len(revised(*TEXT)) > 100


def test_revised_folders_hold_no_discarded_word() -> None:
    found = [
        f"{relative(path)}:{number}: {word}"
        for path in revised(*TEXT)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for word in DISCARDED.findall(line)
    ]

    assert found == []


def test_no_name_in_revised_folders_holds_a_discarded_word() -> None:
    found = [
        f"{relative(path)}:{line}: {name}"
        for path in revised(".py")
        for line, name in read(path).names
        if words_of(name) & DISCARDED_IN_NAMES
    ]

    assert found == []


def test_a_docstring_in_revised_folders_opens_with_a_sentence() -> None:
    found = [
        f"{relative(path)}:{line}"
        for path in revised(".py")
        for line, text in read(path).docstrings
        if ONLY_RAISES.match(text)
    ]

    assert found == []


def test_log_events_are_a_noun_and_a_past_participle() -> None:
    events = [
        (f"{relative(path)}:{line}: {event}", event)
        for path in tracked()
        if path.suffix == ".py" and "src" in path.parts
        for line, event in read(path).log_events
    ]

    assert len(events) > 30
    assert [found for found, event in events if not LOG_EVENT.fullmatch(event)] == []


@pytest.mark.parametrize(
    ("source", "events"),
    [
        ('log.info("bill.issued", bill_id=1)', ["bill.issued"]),
        (
            'log.warning("notice.abandoned" if last else "notice.not_sent")',
            ["notice.abandoned", "notice.not_sent"],
        ),
        ("log.error(event)", [""]),
        ('print("bill.issued")', []),
    ],
)
def test_the_events_of_a_module_are_found(source: str, events: list[str]) -> None:
    assert [event for _, event in list_log_events(ast.walk(ast.parse(source)))] == events


@pytest.mark.parametrize("event", ["", "bill", "bill.issue", "client.too_slow", "Bill.issued"])
def test_other_forms_of_a_log_event_are_refused(event: str) -> None:
    assert not LOG_EVENT.fullmatch(event)


@pytest.mark.parametrize("line", ["the bell rings", "Wake-ups of a loop", "what he sends"])
def test_a_discarded_word_is_found(line: str) -> None:
    assert DISCARDED.search(line)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open_door", {"open", "door"}),
        ("PublicDoor", {"public", "door"}),
        ("_NOTE_S", {"", "note", "s"}),
        ("indoors", {"indoors"}),
    ],
)
def test_a_name_is_split_into_its_words(name: str, words: set[str]) -> None:
    assert words_of(name) == words
