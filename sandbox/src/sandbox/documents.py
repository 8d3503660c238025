"""The documents that are generated from the code.

`python -m sandbox.documents` writes docs/errors.md, docs/events.md and docs/api.txt. A test
compares them with the code.
"""

import sys
from pathlib import Path

from perisai_kit.domain.field_errors import FIELD_TEXTS
from perisai_kit.events.catalogue.docs import render_events
from perisai_kit.http.problems import get_status
from sandbox.openapi.listing import listing
from sandbox.openapi.platform import error_classes, openapi_document
from sandbox.openapi.schemas import Document

ROOT = Path(__file__).parents[3]


def errors_markdown() -> str:
    """Return docs/errors.md: each code with its status and its words in both languages."""
    lines = [
        "# Problem codes",
        "",
        "Generated from the code by `make docs`; do not edit.",
        "",
        "Every error is `application/problem+json` (RFC 9457) with a stable `code`. `errors` names",
        "the fields as JSON pointers. Words follow `Accept-Language` (`en`, `id`).",
        "",
        "| code | status | English | Indonesian |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{kind.code}` | {get_status(kind)} | {kind.text} | {kind.text_id} |"
        for kind in error_classes()
    ]
    lines += [
        "",
        "## Codes of fields",
        "",
        "An entry of `errors` has the code of a problem above, or one of these. Its `pointer` is",
        "the place in the body, its `parameter` the name in the query, the path or the headers.",
        "`{…}` stands for a limit or for the allowed values.",
        "",
        "| code | English | Indonesian |",
        "|---|---|---|",
        *(f"| `{code}` | {text.en} | {text.id} |" for code, text in sorted(FIELD_TEXTS.items())),
    ]
    return "\n".join(lines) + "\n"


def generated(document: Document) -> dict[Path, str]:
    """Return every generated file with its present content. document: of the API."""
    return {
        Path("docs/errors.md"): errors_markdown(),
        Path("docs/events.md"): render_events(),
        Path("docs/api.txt"): listing(document),
    }


def main() -> None:
    for path, text in generated(openapi_document()).items():
        (ROOT / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
