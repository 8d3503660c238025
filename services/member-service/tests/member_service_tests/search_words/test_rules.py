import pytest

from member_service.search_words.rules import (
    MAX_WORDS,
    SearchNumberTooLong,
    SearchTooShort,
    list_terms,
    list_words,
    parse_search,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Siti  Nur-Aisyah", ["siti", "nur", "aisyah"]),
        ("H. Achmad Ma'ruf, S.Pd", ["h", "achmad", "ma", "ruf", "s", "pd"]),
        ("José ŁUKASZ", ["jose", "łukasz"]),
        ("%_\\ 🙂🙂", []),
    ],
)
def test_words_are_plain(text: str, words: list[str]) -> None:
    assert list_words(text) == words


def test_a_member_is_stored_under_words_their_beginnings_and_last_digits() -> None:
    terms = list_terms(full_name="Al Slamet", phone="+628123456789", nik="3511011203900001")

    assert terms == {
        *(("member_word", word) for word in ("al", "sla", "slam", "slame", "slamet")),
        *(("member_digits", end) for end in ("6789", "56789", "456789")),
        *(("member_digits", end) for end in ("0001", "00001", "900001")),
    }


def test_the_number_of_terms_is_bounded() -> None:
    longest = " ".join(chr(97 + place) * 20 for place in range(26))[:100]

    terms = list_terms(full_name=longest, phone="+628123456789", nik="3511011203900001")

    assert len(terms) <= MAX_WORDS * 7 + 6


@pytest.mark.parametrize("asked", ["slamet riyadi", "RIY slam", "riyadi 6789", "900001 m slamet"])
def test_a_search_asks_only_for_stored_terms(asked: str) -> None:
    stored = list_terms(full_name="Slamet Riyadi", phone="+628123456789", nik="3511011203900001")

    assert parse_search(asked) <= stored


@pytest.mark.parametrize("asked", ["", " ", "a", "a b c", "🙂", "%", "__", "123", "slamet 12"])
def test_too_little_is_refused(asked: str) -> None:
    with pytest.raises(SearchTooShort):
        parse_search(asked)


@pytest.mark.parametrize("asked", ["1234567", "slamet 3511011203900001"])
def test_whole_numbers_are_refused(asked: str) -> None:
    with pytest.raises(SearchNumberTooLong):
        parse_search(asked)
