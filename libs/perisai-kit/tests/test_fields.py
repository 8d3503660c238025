"""What is taken from the wire, and in which form it is kept."""

import pytest
from pydantic import TypeAdapter, ValidationError

from perisai_kit.fields import Phone

PHONE: TypeAdapter[str] = TypeAdapter(Phone)


@pytest.mark.parametrize(
    "written", ["081234567890", "0812 3456-7890", "+62 812 3456 7890", " (0812) 3456.7890 "]
)
def test_telephone_is_kept_in_one_form(written: str) -> None:
    assert PHONE.validate_python(written) == "+6281234567890"


@pytest.mark.parametrize(
    "written",
    ["", "0812", "+62abc", "+6281234567890x", "0812KARTU99", "call +6281234567890 now", "0" * 31],
)
def test_what_is_no_telephone_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="must be a telephone number"):
        PHONE.validate_python(written)
