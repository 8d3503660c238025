"""What a bank is shown of a customer's name."""

import pytest

from snap_bi.names import make_shown_name
from snap_bi.profiles import BCA, PROFILES


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Siti Aminah", "Siti Aminah"),
        ("Nur’aini Ma'ruf", "Nur'aini Ma'ruf"),
        ("Ma\u02bcruf", "Ma'ruf"),
        ("José Ñañez Łukasz Øyvind", "Jose Nanez Lukasz Oyvind"),
        ("Siti\tAminah\nbinti\r\nHasan", "Siti Aminah binti Hasan"),
        ("Siti  \u00a0 Aminah\u200b", "Siti Aminah"),
        ("Ｓｉｔｉ", "Siti"),
        ("ꦱꦶꦠꦶ", "siti"),
        ("\u200b\u00ad", "-"),
    ],
)
def test_a_name_is_shown_in_printable_ascii(name: str, shown: str) -> None:
    made = make_shown_name(name, length=255)

    assert made == shown
    assert all(" " <= letter <= "~" for letter in made)


def test_a_name_is_shown_in_the_length_of_the_bank() -> None:
    name = "Raden Mas Haji Muhammad Abdurrahman Wahid Hasyim"

    shown = make_shown_name(name, length=BCA.shown_name_length)

    assert shown == "Raden Mas Haji Muhammad Abdurr"
    assert make_shown_name("Aminah " * 10, length=7) == "Aminah"


@pytest.mark.parametrize("name", PROFILES)
def test_no_bank_is_shown_more_than_the_standard_allows(name: str) -> None:
    assert 0 < PROFILES[name].shown_name_length <= 255
