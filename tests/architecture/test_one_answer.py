"""One answer to each question in every service; the list of today's exceptions only shrinks.

Services take and return domain objects, and their routes make the wire model of them; lists are
paged by the kit; who may see what is decided in a feature's `rules.py`, with the same in SQL in its
`queries.py`. What is not so yet stands in `EXCEPTIONS`: a test fails when something new would have
to, and when something stands there that need not any more.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from perisai_kit.http.paging import Page
from perisai_kit.http.types import Out

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    path.parent
    for pattern in ("gateway/src/*/app.py", "services/*/src/*/app.py")
    for path in ROOT.glob(pattern)
)
MODULES = {
    ".".join(path.relative_to(package.parent).with_suffix("").parts): path
    for package in PACKAGES
    for path in package.rglob("*.py")
    if "migrations" not in path.parts
}
WIRE = frozenset({Out.__name__, Page.__name__})
DECISIONS = frozenset({"covers", "in_scope"})
"""What a subject's scope is asked with."""

Found = Iterator[tuple[str, str]]
"""A module, and what in it answers a question in a way of its own."""


def list_generators() -> Iterator[tuple[str, set[str]]]:
    """Return the generators of routes with the methods they call: what a client reads slowly."""
    for module in named("routes"):
        for node in ast.walk(tree(module)):
            parts = list(ast.walk(node)) if isinstance(node, ast.AsyncFunctionDef) else []
            if any(isinstance(part, ast.Yield) for part in parts):
                calls = (part.func for part in parts if isinstance(part, ast.Call))
                yield module, {each.attr for each in calls if isinstance(each, ast.Attribute)}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def named(role: str) -> Iterable[str]:
    """Return the modules of the features that have this file name."""
    return [module for module in MODULES if module.endswith(f".{role}")]


def imports(module: str) -> Iterator[tuple[str, str]]:
    """Return the names that a module imports, each with where from."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                yield node.module, each.name


def is_wire(module: str, name: str) -> bool:
    """Tell whether a class is written to the wire: derived from `Out`, near or far."""
    if module not in MODULES:
        return name in WIRE
    for node in tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
            names = [base.id for base in bases if isinstance(base, ast.Name)]
            return any(is_wire(_origin(module, base), base) for base in names)
    return False


def _origin(module: str, name: str) -> str:
    found = (source for source, imported in imports(module) if imported == name)
    return next(found, module)


def wire_models_in_services() -> Found:
    """A service that makes an answer."""
    for role in ("service", "queries", "rules"):
        for module in named(role):
            for source, name in imports(module):
                if is_wire(source, name):
                    yield module, name


def rows_out_of_routes() -> Found:
    """A route that leaves it to the framework to make its answer."""
    for module in named("routes"):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
                keywords = {each.arg for call in calls for each in call.keywords}
                if "response_model" in keywords:
                    yield module, node.name


def cursors_of_their_own() -> Found:
    """A list that makes or reads a cursor itself."""
    for module in MODULES:
        for _, name in imports(module):
            if name in {"encode_cursor", "decode_cursor"}:
                yield module, name


def columns_of_their_own() -> Found:
    """A column type beside those of the kit."""
    for module in MODULES:
        for _, name in imports(module):
            if name in {"Enum", "MonthColumn", "TypeDecorator"}:
                yield module, name


def visibility_elsewhere() -> Found:
    """A scope that is asked outside `rules.py` and `queries.py`."""
    for module in MODULES:
        if module.rpartition(".")[2] in {"rules", "queries"}:
            continue
        for function in ast.walk(tree(module)):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _called(node) in DECISIONS:
                    yield module, function.name


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


Question = Callable[[], Found]
EXCEPTIONS: dict[Question, dict[str, set[str]]] = {
    wire_models_in_services: {
        "gateway.sessions.service": {"AccountChoiceOut", "OfferedAccount", "TokenOut"},
        "member_service.lookups.service": {"MemberLookupResult", "PhoneMatch"},
        "payment_service.bank_calls.service": {"BankRequestOut", "Page"},
        "payment_service.banks.service": {
            "AccountVerdict",
            "BankPartnerOut",
            "Page",
            "PaymentStatusOut",
        },
        "payment_service.bills.service": {
            "BillLineOut",
            "BillOut",
            "BillSummary",
            "VirtualAccountOut",
        },
        "payment_service.ledger.service": {"LedgerAccountOut", "LedgerTransferOut", "Page"},
        "payment_service.receipts.service": {"ReceiptLineOut", "ReceiptOut"},
        "payment_service.schemes.service": {"CommissionSchemeOut", "Page"},
        "payment_service.statement_documents.service": {"IncentiveStatementOut"},
        "payment_service.incentive_statements.service": {
            "CommissionLineOut",
            "CommissionPreviewOut",
            "IncentiveStatementOut",
            "Page",
            "SchemeApplied",
        },
        "payment_service.months.service": {"CommissionMonthOut", "Page"},
    },
    rows_out_of_routes: {
        "agent_service.agents.routes": {"get_identity"},
        "agent_service.applications.routes": {"get_identity"},
        "agent_service.branches.routes": {"get_branch", "list_branches", "open_branch"},
        "payment_service.bank_calls.routes": {"list_requests"},
        "payment_service.bills.routes": {"cancel", "get"},
        "payment_service.commissions.routes": {"decide"},
        "payment_service.ledger.routes": {"list_accounts", "list_transfers"},
        "payment_service.receipts.routes": {"get_receipt"},
        "payment_service.schemes.routes": {"get", "list_schemes", "propose"},
        "payment_service.incentive_statements.routes": {
            "get",
            "get_preview",
            "list_lines",
            "list_preview_lines",
            "list_statements",
        },
    },
    cursors_of_their_own: {},
    columns_of_their_own: {"member_service.base": {"MonthColumn"}},
    visibility_elsewhere: {
        "agent_service.branches.service": {"check_in_scope"},
        "agent_service.scopes": {"by_office"},
        "member_service.enrolments.service": {"_may_see"},
        "payment_service.visibility": {"_covers", "find_sight", "had", "visible_earnings"},
    },
}


def test_there_is_something_to_look_at() -> None:
    assert len(PACKAGES) == 4
    assert len(list(named("service"))) > 20
    assert is_wire("payment_service.bills.schemas", "BillOut")
    assert not is_wire("payment_service.bills.schemas", "NewBill")


@pytest.mark.parametrize("question", EXCEPTIONS, ids=lambda each: each.__name__)
def test_nothing_new_answers_in_a_way_of_its_own(question: Question) -> None:
    allowed = EXCEPTIONS[question]

    assert {each for each in question() if each[1] not in allowed.get(each[0], ())} == set()


@pytest.mark.parametrize("question", EXCEPTIONS, ids=lambda each: each.__name__)
def test_an_exception_that_is_not_needed_any_more_is_struck_out(question: Question) -> None:
    found = set(question())
    listed = {(module, name) for module, names in EXCEPTIONS[question].items() for name in names}

    assert listed - found == set()


def test_what_a_client_reads_slowly_is_given_the_time() -> None:
    found = list(list_generators())

    assert {module.split(".")[-2] for module, _ in found} >= {"ledger", "payments", "tax_slips"}
    assert not [module for module, calls in found if calls & {"read", "read_replica"}]
