"""What the tests of the layout and of the words ask Python modules for, each parsed once."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

LEVELS = frozenset({"critical", "debug", "error", "exception", "info", "warning"})


class Function(NamedTuple):
    name: str
    lines: int
    positional: int


class Module(NamedTuple):
    """What the tests ask a module for; but for functions each with its line."""

    names: list[tuple[int, str]]
    docstrings: list[tuple[int, str]]
    log_events: list[tuple[int, str]]
    functions: list[Function]


@cache
def read(path: Path) -> Module:
    """Parse and walk a module once for all tests; the tree is not kept, because it is large."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return Module(
        list(_names(nodes)),
        list(_docstrings(nodes)),
        list(list_log_events(nodes)),
        list(_functions(nodes)),
    )


def _names(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything that a module names itself."""
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, name


def _functions(nodes: Iterable[ast.AST]) -> Iterator[Function]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(node.name, lines, len(node.args.args))


def list_log_events(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and name of every event that a module logs; none where it is not a constant."""
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[event, *_]
            ) if level in LEVELS:
                choices = [event.body, event.orelse] if isinstance(event, ast.IfExp) else [event]
                for each in choices:
                    name = each.value if isinstance(each, ast.Constant) else ""
                    yield node.lineno, str(name)


def _docstrings(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in nodes:
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text
