"""Texts in which what differs from copy to copy is a slot, and how it is recognised."""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from bench.world.plan import MODEL_BRANCH, MODEL_REGION
from perisai_kit.privacy.keyring import Keyring
from sandbox.demo.people import FIRST_NAMES, LAST_NAMES
from snap_bi.profiles import GENERIC_HMAC
from snap_bi.virtual_account import build_customer_no

TAIL = 5
"""Hexadecimal digits at the end of an id that name the copy."""
SYLLABLES = ("ba", "di", "ka", "lo", "ma", "ni", "pu", "ra", "si", "ta", "wu", "ya")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ALTERNATIVES = (
    rf"(?P<id>{ID.pattern})",
    r"(?P<phone>\+62\d{9,13})",
    r"(?P<agent>PRS-\d{7})",
    r"(?P<digits>\d{16,})",
    rf"(?P<branch>{MODEL_BRANCH})",
    rf"(?P<region>{MODEL_REGION})",
    rf"(?P<name>(?:{'|'.join(FIRST_NAMES)}) (?:{'|'.join(LAST_NAMES)}))",
)
_TOKEN = re.compile("|".join(_ALTERNATIVES))


class Slot(Hashable, Protocol):
    """What differs from copy to copy."""

    def values(self, scale: "Scale") -> Sequence[object]:
        """Return what stands there in each copy."""
        ...


@dataclass(frozen=True, slots=True)
class Scale:
    """How often everything is copied, and over how many branches the copies are spread."""

    copies: int
    branches: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text with slots, as for `%`."""

    text: str
    slots: tuple[Slot, ...] = ()

    def render(self, scale: Scale) -> Iterator[str]:
        if not self.slots:
            whole = self.text % ()
            return (whole for _ in range(scale.copies))
        values = zip(*(each.values(scale) for each in self.slots), strict=True)
        return map(self.text.__mod__, values)


@dataclass(frozen=True, slots=True)
class IdTail:
    def values(self, scale: Scale) -> Sequence[object]:
        return _tails(scale.copies)


@lru_cache(maxsize=2)
def _tails(copies: int) -> list[str]:
    return [f"{copy:0{TAIL}x}" for copy in range(copies)]


@dataclass(frozen=True, slots=True)
class Number:
    """A number from a sequence: those of all copies follow those of all copies of the one before.

    text: how it is written, always with as many digits.
    """

    number: int
    text: str

    def values(self, scale: Scale) -> Sequence[object]:
        first = first_number(self.number, scale)
        return [self.text % each for each in range(first, first + scale.copies)]


def first_number(number: int, scale: Scale) -> int:
    """Return the number of a model's first copy."""
    return (number - 1) * scale.copies + 1


@dataclass(frozen=True, slots=True)
class CustomerNo:
    """The digits of a virtual account behind the company code."""

    serial: int

    def values(self, scale: Scale) -> Sequence[object]:
        return _customer_nos(self.serial, scale.copies)


@lru_cache(maxsize=8)
def _customer_nos(serial: int, copies: int) -> list[str]:
    first = (serial - 1) * copies + 1
    return [build_customer_no(each, GENERIC_HMAC) for each in range(first, first + copies)]


@dataclass(frozen=True, slots=True)
class Nik:
    """stem: the first twelve digits, which no other model has."""

    stem: str

    def values(self, scale: Scale) -> Sequence[object]:
        return [f"{self.stem}{copy + 1:04d}" for copy in range(scale.copies)]


@dataclass(frozen=True, slots=True)
class Name:
    """A name, with one word more for each copy."""

    name: str

    def values(self, scale: Scale) -> Sequence[object]:
        return [f"{self.name} {word}" for word in _words(scale.copies)]


@lru_cache(maxsize=2)
def _words(copies: int) -> list[str]:
    found = []
    for copy in range(copies):
        word = ""
        for _ in range(3):
            copy, place = divmod(copy, len(SYLLABLES))
            word += SYLLABLES[place]
        found.append(word.capitalize())
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """The code of a branch, or of its region: ten branches have one region."""

    text: str
    each: int = 1

    def values(self, scale: Scale) -> Sequence[object]:
        return [self.text % (copy % scale.branches // self.each) for copy in range(scale.copies)]


BRANCH, REGION = Place("K%03d"), Place("W%02d", 10)


@dataclass(frozen=True, slots=True)
class Known:
    """What can be recognised in the rows of a service.

    kept: ids that are the same in every copy. serials: of virtual accounts, by customer number.
    hashes: kind and text of keyed hashes, by hash.
    """

    kept: frozenset[str]
    niks: frozenset[str]
    phones: Mapping[str, int]
    serials: Mapping[str, int]
    hashes: Mapping[str, tuple[str, str]]
    keyring: Keyring = field(repr=False)

    def compile(self, text: str) -> Template:
        """Return a text with slots for everything that is recognised in it."""
        parts = self.split(text)
        texts = [each.replace("%", "%%") if isinstance(each, str) else "%s" for each in parts]
        slots = [each for each in parts if not isinstance(each, str)]
        return Template("".join(texts), tuple(slots))

    def split(self, text: str) -> list["str | Slot"]:
        """Return a text as what is the same in every copy, and slots between."""
        parts: list[str | Slot] = []
        end = 0
        for found in _TOKEN.finditer(text):
            assert found.lastgroup is not None
            written = getattr(self, f"_{found.lastgroup}")(found[0])
            if written is None:
                continue
            before, slot = written
            parts += [text[end : found.start()] + before, slot]
            end = found.end()
        return [*parts, text[end:]]

    def _id(self, text: str) -> tuple[str, Slot] | None:
        return None if text in self.kept else (text[:-TAIL], IdTail())

    def _phone(self, text: str) -> tuple[str, Slot] | None:
        place = self.phones.get(text)
        return None if place is None else ("", Number(place + 1, "+62812%08d"))

    def _agent(self, text: str) -> tuple[str, Slot] | None:
        return "", Number(int(text.removeprefix("PRS-")), "PRS-%07d")

    def _digits(self, text: str) -> tuple[str, Slot] | None:
        if text in self.niks:
            return "", Nik(text[:12])
        customer_no = text[-GENERIC_HMAC.customer_no_length :]
        serial = self.serials.get(customer_no)
        return None if serial is None else (text.removesuffix(customer_no), CustomerNo(serial))

    def _branch(self, text: str) -> tuple[str, Slot] | None:
        return "", BRANCH

    def _region(self, text: str) -> tuple[str, Slot] | None:
        return "", REGION

    def _name(self, text: str) -> tuple[str, Slot] | None:
        return "", Name(text)
