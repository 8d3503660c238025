"""docs/api.txt: the API on a line per operation, so that a change of it is seen in a review."""

from sandbox.openapi.describe import ROLES
from sandbox.openapi.operations import METHODS
from sandbox.openapi.schemas import REFERENCE, Document

HEAD = """\
# The API, a line per operation: method, path, operationId, roles, body, answers.
# Generated from the code by `make docs`; do not edit. The whole document is /openapi.json.
"""
ANYONE = "signed in"
PUBLIC = "public"
BANK = "bank"


def listing(document: Document) -> str:
    """Return the text of docs/api.txt. A commit that breaks clients against it says so."""
    lines = [
        " | ".join(
            (
                f"{method.upper()} {path}",
                operation["operationId"],
                _roles(operation),
                _body(operation),
                _answers(operation["responses"]),
            )
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]
    return HEAD + "\n".join(lines) + "\n"


def _roles(operation: Document) -> str:
    if operation["operationId"].startswith("snap"):
        return BANK
    if not operation["security"]:
        return PUBLIC
    return " ".join(operation.get(ROLES, ())) or ANYONE


def _body(operation: Document) -> str:
    body = operation.get("requestBody")
    if body is None:
        return "-"
    return _schema(body) + ("" if body.get("required") else "?")


def _answers(answers: Document) -> str:
    return " ".join(
        f"{status} {_schema(answer)}" if status < "300" and "content" in answer else status
        for status, answer in sorted(answers.items())
    )


def _schema(holder: Document) -> str:
    """Return the names of the schemas of a body or an answer."""
    names = []
    for media_type, content in holder["content"].items():
        schema = content.get("schema", {})
        parts = schema.get("oneOf") or schema.get("anyOf") or [schema]
        found = [part["$ref"].removeprefix(REFERENCE) for part in parts if "$ref" in part]
        names.append("/".join(found) or media_type)
    return ",".join(names)
