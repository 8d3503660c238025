"""Generated documents are current, and every error has a text in both languages."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.documents import ROOT, generated
from sandbox.openapi.platform import error_classes


@pytest.fixture(scope="module")
def documents(document: dict[str, Any]) -> dict[Path, str]:
    return generated(document)


@pytest.mark.parametrize("name", ["docs/errors.md", "docs/events.md", "docs/api.txt"])
def test_a_generated_document_is_current(documents: dict[Path, str], name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == documents[Path(name)], "run `make docs`"


def test_error_codes_are_unique() -> None:
    codes = [kind.code for kind in error_classes()]

    assert sorted(codes) == sorted(set(codes))


def test_every_error_has_its_own_code_and_a_text_in_both_languages() -> None:
    silent = [
        kind.__qualname__
        for kind in error_classes()
        if not {"code", "text", "text_id"} <= kind.__dict__.keys()
    ]

    assert silent == []
