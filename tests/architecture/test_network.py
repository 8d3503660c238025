"""Every HTTP client gets what carries it: the kit's network, or what its caller passes."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = [
    path
    for pattern in ("libs/*/src", "gateway/src", "services/*/src", "sandbox/src", "tests/stage")
    for folder in ROOT.glob(pattern)
    for path in folder.rglob("*.py")
]
TESTING = "perisai_kit/testing/"
"""Its clients talk to a server of the same test, which outlives them."""


def test_no_client_opens_the_network_by_itself() -> None:
    clients = [
        (path, node)
        for path in CODE
        if TESTING not in path.as_posix() and "AsyncClient" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "httpx.AsyncClient"
    ]
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, node in clients
        if "transport" not in {word.arg for word in node.keywords}
    ]

    assert clients
    assert bare == []
