"""A client that gets a 422 learns which field is wrong.

Errors that cannot name one stand here with the reason. A field that is not known where the error is
raised is named by the caller (`because_of`).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from perisai_kit.domain.errors import Invalid

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for pattern in ("libs/*/src", "gateway/src", "services/*/src")
    for folder in ROOT.glob(pattern)
    for path in folder.rglob("*.py")
)
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}
NAMES_NONE = {
    "AmountMismatch": "of a bank's payment; its answer has a form of its own",
    "DocumentTooLong": "it is the size of the file",
    "IncomeBelowMinimum": "of a member's data; callers name the member",
    "JhtMandatory": "of a member's data; callers name the member",
    "MandatoryProgrammeMissing": "of a member's data; callers name the member",
    "NoTariff": "of a member's months; callers name the member",
    "NoTaxTable": "of a run that is prepared without a request",
    "ParameterRepeated": "it lists the parameters by itself",
    "ParameterUnknown": "it lists the parameters by itself",
    "PayoutCorporateIdRequired": "of the account that is activated; the request has no fields",
    "SuspenseTooSmall": "of a proposal that is decided; the request that proposes names the bill",
    "TooManyMonths": "of a member's months; callers name the member",
    "TooManyPayments": "it is the size of the answer",
}


def name_of(node: ast.expr | None) -> str:
    """Return the last part of a name; "" of anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def list_kinds() -> set[str]:
    """Return the names of all errors that are answered with 422."""
    bases = {
        node.name: {name_of(base) for base in node.bases}
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    kinds = {Invalid.__name__}
    while more := {name for name, above in bases.items() if above & kinds} - kinds:
        kinds |= more
    return kinds


def list_raised() -> Iterator[tuple[str, bool]]:
    """Return the name of each error that is raised or returned, and whether it names a field."""
    for tree in TREES.values():
        for node in ast.walk(tree):
            error = node.exc if isinstance(node, ast.Raise) else None
            error = node.value if isinstance(node, ast.Return) else error
            if isinstance(error, ast.Call):
                given = {each.arg for each in error.keywords}
                yield name_of(error.func), bool(given & {"field", "header"})
            elif isinstance(node, ast.Raise):
                yield name_of(error), False


def test_a_refusal_names_the_wrong_field() -> None:
    kinds = list_kinds()
    silent = {name for name, names_field in list_raised() if name in kinds and not names_field}

    assert silent == set(NAMES_NONE)
