"""The name of a customer as a bank can show it."""

from anyascii import anyascii

FALLBACK = "-"
"""For a name of which nothing is left; a name at the standard is mandatory."""


def make_shown_name(name: str, *, length: int) -> str:
    """Return a name in printable ASCII, of at most so many characters.

    Other letters are written as ASCII letters that sound like them, such as `e` for `é`; line
    breaks and tabs are blanks. The standard allows 255 characters and names no character set; banks
    take less (docs/snap.md): printable ASCII is our default.
    """
    letters = "".join(letter if letter.isprintable() else " " for letter in anyascii(name))
    return " ".join(letters.split())[:length].rstrip() or FALLBACK
