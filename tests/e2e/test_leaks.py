"""The search for what must be nowhere finds every form of it, and nothing else."""

import pytest
from stage import leaks


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("nik", "3510011203850001", '{"nik":"3510011203850001"}'),
        ("nik", "3510011203850001", r"(7,\x33353130303131323033383530303031)"),
        ("full_name", "Siti Aminah", "SITI AMINAH"),
        ("phone", "+6281234567890", "call 081234567890"),
        ("phone", "+6281234567890", "+6281234567890"),
        ("code", "123456", '{"code": "123456"}'),
        ("code", "123456", "code=123456."),
    ],
)
def test_secret_is_found_in_each_of_its_forms(kind: str, value: str, text: str) -> None:
    assert leaks.find({"log": text}, {kind: [value]}) == [f"1 of {kind} in log"]


@pytest.mark.parametrize("text", ["09:00:00.123456Z", "x123456", "1234567", "654321"])
def test_digits_of_an_instant_are_no_code(text: str) -> None:
    assert leaks.find({"log": text}, {"code": ["123456"]}) == []
