"""Check rules of the layout that no linter knows."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

from stage.modules import read

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for pattern in ("libs/*/src", "gateway/src", "services/*/src", "sandbox/src")
    for folder in ROOT.glob(pattern)
    for path in folder.rglob("*.py")
)
EVERYTHING = sorted(
    {
        *SOURCES,
        *(
            path
            for pattern in ("libs/*/tests", "gateway/tests", "services/*/tests", "sandbox/tests")
            for folder in ROOT.glob(pattern)
            for path in folder.rglob("*.py")
        ),
        *ROOT.glob("tests/**/*.py"),
        *ROOT.glob("bench/**/*.py"),
    }
)
FEATURE_FILES = {
    "__init__.py",
    "routes.py",
    "schemas.py",
    "service.py",
    "rules.py",
    "queries.py",
    "models.py",
    "tasks.py",
}
ROLE_FILES = FEATURE_FILES - {"__init__.py"}
KIT_LINES = 300
FILE_LINES = 400
FUNCTION_LINES = 50
TASKS_LINES = 150
MODULES_A_FOLDER = 12
"""In the kit and the gateway, `__init__` and migrations not counted."""
EXCEPTIONS = {
    # Asks other services between two transactions; service.py runs inside the one of a request.
    "services/agent-service/src/agent_service/applications/verification.py",
    # Asks another service before the transaction of routes.py; service.py runs inside of one.
    "gateway/src/gateway/accounts/offices.py",
    # Asks other services outside of a transaction; service.py is at the limit of lines.
    "gateway/src/gateway/accounts/own_labels.py",
    # Bounds the work for unauthenticated requests.
    "services/payment-service/src/payment_service/bank_access/unproven.py",
    # Whom bills are about, for the lists of several features; service.py is at the limit of lines.
    "services/payment-service/src/payment_service/bills/people.py",
    # Logs and counts for both service.py, which is near the limit of lines, and writer.py.
    "services/payment-service/src/payment_service/callbacks/reporting.py",
    # Made with libraries that neither rules.py nor service.py may know: CSV, XLSX, PDF.
    "services/payment-service/src/payment_service/statement_documents/files.py",
    # Call banks between transactions; service.py runs inside of one.
    "services/payment-service/src/payment_service/payout_sending/sending.py",
    "services/payment-service/src/payment_service/payout_settlement/asking.py",
    # The wording of what schemas.py holds; rules.py, below it, has the words.
    "services/payment-service/src/payment_service/statement_documents/sheets.py",
    # Its tables where the rows are too many to print each; sheets.py is near the limit of lines.
    "services/payment-service/src/payment_service/statement_documents/summaries.py",
    # The only place where many payments share a transaction (docs/adr/0012).
    "services/payment-service/src/payment_service/callbacks/writer.py",
}
MAY_COMMIT = {
    "libs/perisai-kit/src/perisai_kit/db/engine.py",
    "libs/perisai-kit/src/perisai_kit/db/migrations/run.py",
}
MAY_NOTIFY = {
    # Sends in autocommit: at its commit NOTIFY takes a lock of the whole server.
    "libs/perisai-kit/src/perisai_kit/db/notifications.py",
    # The trigger of the job queue, which no payment writes to (docs/adr/0021).
    "libs/perisai-kit/src/perisai_kit/db/migrations/job_queue.py",
}
NOT_FEATURES = {"edge"}
"""The gateway's path of a request; its `routes.py` is the table of what leads where."""
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "constants.py", "manager.py"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def features() -> Iterator[Path]:
    """Yield every folder of a package that holds at least one of the fixed file names."""
    for folder in sorted({path.parent for path in SOURCES}):
        package = folder.parent
        if folder.name in NOT_FEATURES:
            continue
        if (package / "app.py").exists() and ROLE_FILES & {p.name for p in folder.glob("*.py")}:
            yield folder


def test_the_layout_is_found() -> None:
    assert len(SOURCES) > 50
    assert len(list(features())) >= 10


def test_files_stay_small() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in EVERYTHING}

    assert [f"{relative(path)}: {n}" for path, n in lines.items() if n > limit_of(path)] == []


def test_folders_of_kit_and_gateway_stay_small() -> None:
    modules: dict[Path, int] = {}
    for path in SOURCES:
        if {"perisai_kit", "gateway"} & set(path.parts) and "migrations" not in path.parts:
            modules[path.parent] = modules.get(path.parent, 0) + (path.name != "__init__.py")

    assert [f"{relative(path)}: {n}" for path, n in modules.items() if n > MODULES_A_FOLDER] == []


def limit_of(path: Path) -> int:
    if path.name == "tasks.py":
        return TASKS_LINES
    return KIT_LINES if "perisai_kit" in path.parts else FILE_LINES


def test_functions_stay_small() -> None:
    # A migration is a list of columns and no logic.
    long = [
        f"{relative(path)}: {function.name} has {function.lines} lines"
        for path in EVERYTHING
        if "migrations" not in path.parts
        for function in read(path).functions
        if function.lines > FUNCTION_LINES
    ]

    assert long == []


def test_functions_take_few_positional_arguments() -> None:
    # FastAPI and pytest pass everything by name.
    many = [
        f"{relative(path)}: {function.name}"
        for path in EVERYTHING
        if path.name != "routes.py" and "tests" not in path.parts
        for function in read(path).functions
        if function.positional > 6
    ]

    assert many == []


def nodes_where(pattern: str, path: Path) -> Iterator[ast.AST]:
    """Yield the nodes of a module, or none if its text does not match: most need no parsing."""
    text = path.read_text()
    if re.search(pattern, text):
        yield from ast.walk(ast.parse(text))


def test_only_the_kit_commits() -> None:
    committing = {
        relative(path)
        for path in SOURCES
        for node in nodes_where("commit", path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    }

    assert committing <= MAY_COMMIT


def test_only_one_module_sends_notifications() -> None:
    statement = re.compile(r"(^|;)\s*NOTIFY\b|pg_notify")
    sending = {
        relative(path)
        for path in SOURCES
        for node in nodes_where("(?i)notify", path)
        for text in [node.value if isinstance(node, ast.Constant) else ""]
        if isinstance(text, str) and statement.search(text)
    }

    assert sending == MAY_NOTIFY


def test_a_feature_holds_only_the_fixed_file_names() -> None:
    unexpected = {
        relative(folder): sorted(extra)
        for folder in features()
        if (
            extra := {
                path.name
                for path in folder.glob("*.py")
                if path.name not in FEATURE_FILES and relative(path) not in EXCEPTIONS
            }
        )
    }

    assert unexpected == {}


def test_every_feature_is_guarded_by_the_import_linter() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    guarded = set(config["importlinter:contract:feature"]["containers"].split())

    found = {f"{folder.parent.name}.{folder.name}" for folder in features()}

    assert found == guarded


def test_no_module_is_named_utils() -> None:
    assert [relative(path) for path in SOURCES if path.name in FORBIDDEN_NAMES] == []


def test_only_the_clock_reads_the_clock() -> None:
    readers = [
        relative(path)
        for path in SOURCES
        if path.name != "clock.py"
        and re.search(r"datetime\.now\(|date\.today\(|datetime\.utcnow\(", path.read_text())
    ]

    assert readers == []


def test_the_environment_is_read_only_where_a_process_begins() -> None:
    may, elsewhere = {"run.py", "migrate.py", "settings.py", "clock.py"}, {"sandbox", "testing"}
    readers = [
        relative(path)
        for path in SOURCES
        if "os.environ" in path.read_text()
        and path.name not in may
        and not elsewhere & set(path.parts)
    ]

    assert readers == []


def test_what_routes_depend_on_stays_in_the_event_loop() -> None:
    # FastAPI runs a synchronous dependency in a thread, which costs time per request.
    wanted = re.compile(r"Depends\((\w+)\)")
    hops = []
    for path in SOURCES:
        text = path.read_text()
        named = set(wanted.findall(text))
        hops += [
            f"{relative(path)}: {node.name}"
            for node in (ast.parse(text).body if named else ())
            if isinstance(node, ast.FunctionDef) and node.name in named
        ]

    assert hops == []
