"""Pages whose shell lines are run: the blocks of a page, and what each should print.

`…` stands for anything, as the last of a list for any more.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ANYTHING = "…"
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Lines to run. kind: how `expected` is to be read, json or text; empty where nothing is."""

    lines: str
    kind: str = ""
    expected: str = ""


def blocks(page: str) -> Iterator[Block]:
    """List the `sh` blocks of a page, each with the block of output right after it."""
    waiting: str | None = None
    for kind, content in _FENCED.findall(page):
        if waiting is not None:
            expects = kind in {"json", "text"}
            yield Block(waiting, kind, content) if expects else Block(waiting)
            waiting = None
        if kind == "sh":
            waiting = content
    if waiting is not None:
        yield Block(waiting)


def differences(block: Block, printed: str) -> list[str]:
    """Return what a block should have printed and did not, in words."""
    match block.kind:
        case "json":
            return list(_missing(values(block.expected), values(printed), ""))
        case "text":
            lines = block.expected.splitlines()
            return [f"no line like {line!r}" for line in lines if not _has(printed, line)]
        case _:
            return []


def values(text: str) -> list[Any]:
    """Read JSON values that follow each other."""
    found, decoder = [], json.JSONDecoder()
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def _missing(expected: Any, found: Any, where: str) -> Iterator[str]:
    match expected, found:
        case dict(), dict():
            for name, value in expected.items():
                if name in found:
                    yield from _missing(value, found[name], f"{where}/{name}")
                else:
                    yield f"{where}/{name} is not there"
        case [*first, "…"], [*found] if len(first) <= len(found):
            yield from _missing(first, found[: len(first)], where)
        case list(), list() if len(expected) == len(found):
            for number, (one, other) in enumerate(zip(expected, found, strict=True)):
                yield from _missing(one, other, f"{where}/{number}")
        case _ if expected != ANYTHING and expected != found:
            yield f"{where} is not {expected!r}"


def _has(printed: str, line: str) -> bool:
    pattern = re.compile(".*".join(map(re.escape, line.split(ANYTHING))))
    return any(pattern.fullmatch(each.strip()) for each in printed.splitlines())
