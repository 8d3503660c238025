"""When two writings are the name of one person: the one rule of the platform.

It decides whether a bank account is an applicant's own and whether an applicant is the member with
a NIK. A wrong "the same" lets an impostor pass; a wrong "another" is looked at by a person. So
titles, initials and shortened names count as another name: H. may be a title or stand for Hasan.
"""

import unicodedata

APOSTROPHES = "'`´‘’ʼ"


def is_same_name(one: str, other: str) -> bool:
    """Tell whether two writings are the same person's name.

    Case, accents, punctuation, spacing and invisible characters do not count. The same words in
    any order are the same name (SITI AMINAH, AMINAH SITI), and so are the same letters in the same
    order, however they are divided into words (NUR HALIZA, NURHALIZA). A name without a letter or
    digit is nobody's.
    """
    words, others = _words(one), _words(other)
    if not words or not others:
        return False
    return sorted(words) == sorted(others) or "".join(words) == "".join(others)


def _words(name: str) -> list[str]:
    """Return the words of a name as they are compared, in the order written.

    An apostrophe joins (MA'RUF is MARUF); any other mark divides (AL-AMIN is AL AMIN).
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(_compared(character) for character in plain).split()


def _compared(character: str) -> str:
    ignored = unicodedata.combining(character) or unicodedata.category(character) == "Cf"
    if ignored or character in APOSTROPHES:
        return ""
    return character if character.isalnum() else " "
