"""Which fields an error names."""

import pytest

from perisai_kit.domain.errors import (
    Conflict,
    DomainError,
    Invalid,
    at_fields,
    because_of,
    check_one_given,
    together,
)


class Unclear(Invalid):
    code = "unclear"


def fields_of(error: DomainError) -> list[str | None]:
    return [each.field for each in (error, *error.others)]


def test_an_error_names_several_fields() -> None:
    error = at_fields(Unclear, "nik", "phone")

    assert fields_of(error) == ["nik", "phone"]
    assert {type(each) for each in (error, *error.others)} == {Unclear}


def test_errors_of_several_fields_are_put_together() -> None:
    error = together([at_fields(Unclear, "nik", "phone"), Conflict(field="name")])

    assert fields_of(error) == ["nik", "phone", "name"]


@pytest.mark.parametrize(("nik", "phone"), [("a", None), (None, "b"), ("", None)])
def test_one_field_is_given(nik: str | None, phone: str | None) -> None:
    check_one_given(Unclear, nik=nik, phone=phone)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"nik": None, "phone": None, "email": None}, ["nik", "phone", "email"]),
        ({"nik": "a", "phone": "b", "email": None}, ["nik", "phone"]),
    ],
)
def test_none_or_several_are_refused_by_name(
    given: dict[str, str | None], named: list[str]
) -> None:
    with pytest.raises(Unclear) as refused:
        check_one_given(Unclear, **given)

    assert fields_of(refused.value) == named


def test_only_an_error_without_a_field_gets_one() -> None:
    for error, field in ((Conflict(), "member_id"), (Conflict(field="nik"), "nik")):
        with pytest.raises(Conflict) as refused, because_of("member_id"):
            raise error
        assert refused.value.field == field
