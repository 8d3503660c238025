"""The terms under which a member is found: parts of the name, last digits of telephone and NIK.

Only keyed hashes of terms are stored. Equal terms have equal hashes: docs/security.md says what a
copy of the table shows.
"""

import unicodedata

from perisai_kit.domain.errors import Forbidden, Invalid

MIN_LETTERS = 2
PREFIXES = range(3, 9)
"""Lengths of the beginnings of a word under which it is found, besides the whole word."""
DIGITS = range(4, 7)
"""How many of the last digits of a number are stored. Whole numbers are looked up elsewhere."""
MAX_WORDS = 8
"""Words of a name that are stored, and of a search that are looked at."""

WORD, NUMBER = "member_word", "member_digits"
Term = tuple[str, str]
"""Kind and text of a term."""


class SearchTooShort(Invalid):
    code = "search_too_short"
    text = (
        "Search for at least two letters of a name, or for the last 4 to 6 digits of a telephone "
        "number or a NIK."
    )
    text_id = "Cari dengan minimal dua huruf nama, atau 4 sampai 6 angka terakhir telepon atau NIK."


class SearchNumberTooLong(Invalid):
    code = "search_number_too_long"
    text = (
        "Enter only the last 4 to 6 digits of a telephone number or a NIK. Whole numbers do not "
        "belong in an address; look them up at POST /v1/member-lookups."
    )
    text_id = (
        "Isi hanya 4 sampai 6 angka terakhir telepon atau NIK. Nomor lengkap dicari lewat "
        "POST /v1/member-lookups."
    )


class SearchForbidden(Forbidden):
    code = "search_forbidden"
    text = "Your role does not see the names of members, so it cannot search for them."
    text_id = "Peran Anda tidak melihat nama peserta, jadi tidak dapat mencarinya."


def list_words(text: str) -> list[str]:
    """Return the words of a text: lower case, without accents, signs and emoji."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(
        "" if unicodedata.combining(sign) else sign if sign.isalnum() else " " for sign in plain
    )
    return kept.split()


def list_terms(*, full_name: str, phone: str, nik: str) -> frozenset[Term]:
    """Return the terms under which a member is stored; their number is bounded."""
    found: set[Term] = set()
    for word in list_words(full_name)[:MAX_WORDS]:
        if len(word) >= MIN_LETTERS:
            found |= {(WORD, word), *((WORD, word[:size]) for size in PREFIXES if size < len(word))}
    for number in (phone, nik):
        found |= {(NUMBER, number[-size:]) for size in DIGITS}
    return frozenset(found)


def parse_search(text: str) -> frozenset[Term]:
    """Return the terms that a member must have, all of them. A single letter counts for nothing.

    Raises: SearchTooShort, SearchNumberTooLong.
    """
    found: set[Term] = set()
    for word in list_words(text)[:MAX_WORDS]:
        if word.isascii() and word.isdigit():
            if len(word) >= DIGITS.stop:
                raise SearchNumberTooLong(field="q")
            if len(word) < DIGITS.start:
                raise SearchTooShort(field="q")
            found.add((NUMBER, word))
        elif len(word) >= MIN_LETTERS:
            found.add((WORD, word))
    if not found:
        raise SearchTooShort(field="q")
    return frozenset(found)
