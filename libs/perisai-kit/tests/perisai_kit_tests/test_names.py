import pytest
from hypothesis import given
from hypothesis import strategies as st

from perisai_kit.domain.names import is_same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siti Aminah", "SITI  AMINAH"),
        ("SITI AMINAH", "AMINAH SITI"),
        ("Siti  Nurhaliza ", "SITI\tNURHALIZA"),
        ("Nur Haliza Siti", "SITI NUR HALIZA"),
        ("Nurhaliza", "NUR HALIZA"),
        ("Ma'ruf Amin", "MARUF AMIN"),
        ("Ma’ruf Amin", "MA'RUF AMIN"),
        ("Maʼruf", "Ma ruf"),
        ("Abdul Al-Amin", "AL AMIN ABDUL"),
        ("M. Yusuf", "M YUSUF"),
        ("José Santoso", "JOSE SANTOSO"),
        ("Si\u200bti Aminah", "AMINAH SITI"),
        ("Ｓｉｔｉ", "SITI"),
    ],
)
def test_case_order_spaces_punctuation_and_accents_do_not_count(one: str, other: str) -> None:
    assert is_same_name(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siti Nurhaliza", "SITI NURHALIMA"),
        ("Siti Aminah", "Siti Aminah Dewi"),
        ("Siti Aminah", "Budi Santoso"),
        ("Siti Nurhaliza", "SITI"),
        ("Siti", "SITI SITI"),
        ("H. Yusuf", "YUSUF"),
        ("Yusuf, S.Pd.", "YUSUF"),
        ("Muhammad Yusuf", "M. YUSUF"),
        ("", ""),
        ("...", "---"),
        ("\u200b", "\u200b"),
        ("Yusuf", ""),
    ],
)
def test_another_word_title_or_initial_is_another_name(one: str, other: str) -> None:
    assert not is_same_name(one, other)


@given(st.text(max_size=60), st.text(max_size=60))
def test_it_does_not_depend_on_which_name_comes_first(one: str, other: str) -> None:
    assert is_same_name(one, other) == is_same_name(other, one)


@given(
    st.lists(st.sampled_from(["siti", "nur", "haliza", "al", "amin"]), min_size=1).flatmap(
        lambda words: st.tuples(st.just(words), st.permutations(words))
    )
)
def test_any_order_of_the_words_is_the_same_name(orders: tuple[list[str], list[str]]) -> None:
    one, other = orders

    assert is_same_name(" ".join(one), " ".join(other).upper())
