"""Rows in the binary format of COPY, in which what differs between copies has fixed places.

All copies of a row are equally long. So they are made as one piece of bytes, and a byte that
differs is written into all of them at once, with a slice that steps by the length of a row. Long
values are written copy by copy.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from bench.world.rows import TAIL, Known, Scale, Slot, Template, first_number
from perisai_kit.privacy.columns import Sealed, build_place
from perisai_kit.privacy.keyring import Keyring

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER = SIGNATURE + bytes(8)
TRAILER = b"\xff\xff"
"""Source: PostgreSQL's manual, COPY, Binary Format."""
NULL = b"\xff\xff\xff\xff"
TEXTS = frozenset({"text", "varchar", "bpchar", "json", "jsonb"})
INTEGERS = {"int2": "h", "int4": "i", "int8": "q"}
UUID_TAIL_BYTES = 3
"""The last bytes of an id: half a byte of the model's, and what names the copy."""
HASH_BYTES = 32
MAX_STEPPED_BYTES = 40
"""Bytes that are written one by one for all copies; longer values are written copy by copy."""
ONE = Scale(copies=1, branches=1)


class Packed(Protocol):
    """What differs from copy to copy, always in as many bytes."""

    def pack(self, scale: Scale) -> bytes:
        """Return what stands there in each copy, one after the other."""
        ...


Part: TypeAlias = bytes | Packed


@dataclass(frozen=True, slots=True)
class Written:
    """A slot of a text."""

    slot: Slot

    def pack(self, scale: Scale) -> bytes:
        return _write(self.slot, scale)


@lru_cache(maxsize=256)
def _write(slot: Slot, scale: Scale) -> bytes:
    return _join([str(each).encode() for each in slot.values(scale)])


@dataclass(frozen=True, slots=True)
class UuidTail:
    """The last bytes of an id. half: the half byte that is the model's."""

    half: int

    def pack(self, scale: Scale) -> bytes:
        return _make_uuid_tails(self.half, scale.copies)


@lru_cache(maxsize=16)
def _make_uuid_tails(half: int, copies: int) -> bytes:
    first = half << 4 * TAIL
    return b"".join((first + copy).to_bytes(UUID_TAIL_BYTES) for copy in range(copies))


@dataclass(frozen=True, slots=True)
class Integer:
    """A number from a sequence. code: of its type, as for `struct`."""

    number: int
    code: str

    def pack(self, scale: Scale) -> bytes:
        first = first_number(self.number, scale)
        numbers = range(first, first + scale.copies)
        return struct.pack(f">{scale.copies}{self.code}", *numbers)


@dataclass(frozen=True, slots=True)
class Hash:
    """A keyed hash."""

    kind: str
    of: Template
    keyring: Keyring = field(repr=False)

    def pack(self, scale: Scale) -> bytes:
        lookup, kind = self.keyring.lookup, self.kind
        return _join([lookup(kind, each) for each in self.of.render(scale)])


@dataclass(frozen=True, slots=True)
class SealedValue:
    """An encrypted value, bound to its place: its column, and the primary key of its row."""

    plain: Template
    place: Template
    keyring: Keyring = field(repr=False)

    def pack(self, scale: Scale) -> bytes:
        encrypt, places = self.keyring.encrypt, self.place.render(scale)
        plains = self.plain.render(scale)
        return _join(
            [encrypt(plain.encode(), place) for plain, place in zip(plains, places, strict=True)]
        )


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a model. places: offset and width of what differs."""

    fixed: bytes
    places: tuple[tuple[int, int, Packed], ...]

    def render(self, scale: Scale) -> bytearray:
        """Return the row of every copy, one after the other."""
        size = len(self.fixed)
        rows = bytearray(self.fixed * scale.copies)
        for offset, width, place in self.places:
            packed = place.pack(scale)
            assert len(packed) == width * scale.copies, "a copy is as long as its model"
            if width <= MAX_STEPPED_BYTES:
                for each in range(width):
                    rows[offset + each :: size] = packed[each::width]
            else:
                ends = range(offset + width, len(rows) + 1, size)
                for end, at in zip(ends, range(0, len(packed), width), strict=True):
                    rows[end - width : end] = packed[at : at + width]
        return rows


def read_rows(data: bytes) -> Iterator[list[bytes | None]]:
    """Return the fields of each row of what COPY wrote; None: NULL."""
    assert data.startswith(SIGNATURE), "COPY has another format"
    at = len(HEADER)
    while (count := int.from_bytes(data[at : at + 2], signed=True)) >= 0:
        at += 2
        fields: list[bytes | None] = []
        for _ in range(count):
            size = int.from_bytes(data[at : at + 4], signed=True)
            at += 4
            fields.append(None if size < 0 else data[at : at + size])
            at += max(size, 0)
        yield fields


@dataclass(frozen=True, slots=True)
class RowReader:
    """Makes records of the rows of one table. types: of its columns, as pg_type has them."""

    types: Mapping[str, str]
    keys: Sequence[str]
    numbered: set[str]
    unset: Sequence[str]
    sealed: Mapping[str, Sealed[Any]]
    known: Known

    def compile(self, fields: Iterable[bytes | None]) -> Record:
        values = dict(zip(self.types, fields, strict=True))
        fixed = bytearray(len(values).to_bytes(2))
        places: list[tuple[int, int, Packed]] = []
        for name, value in values.items():
            if value is None or name in self.unset:
                fixed += NULL
                continue
            for part in _add_length(self._compile_value(name, value, values)):
                width = _find_width(part)
                if isinstance(part, bytes):
                    fixed += part
                else:
                    places.append((len(fixed), width, part))
                    fixed += bytes(width)
        return Record(bytes(fixed), tuple(places))

    def _compile_value(
        self, name: str, value: bytes, values: Mapping[str, bytes | None]
    ) -> list[Part]:
        type_ = self.types[name]
        if name in self.numbered:
            return [Integer(int.from_bytes(value, signed=True), INTEGERS[type_])]
        if name not in self.sealed:
            return self._compile(type_, value)
        keys = tuple(_read_text(self.types[each], values[each]) for each in self.keys)
        column, known = self.sealed[name], self.known
        plain = column.unseal(known.keyring, keys, value)
        text = plain.decode() if isinstance(plain, bytes) else str(plain)
        place = build_place(column.context, keys)
        return [SealedValue(known.compile(text), known.compile(place), known.keyring)]

    def _compile(self, type_: str, value: bytes) -> list[Part]:
        if type_.startswith("_"):
            return self._compile_array(type_.removeprefix("_"), value)
        if type_ == "uuid":
            return _compile_id(value, self.known)
        if type_ == "bytea":
            return self._compile_bytes(value)
        if type_ == "jsonb":  # the version of the format, then the text
            return [value[:1], *self._compile("json", value[1:])]
        if type_ in TEXTS:
            parts = self.known.split(value.decode())
            return [each.encode() if isinstance(each, str) else Written(each) for each in parts]
        return [value]

    def _compile_bytes(self, value: bytes) -> list[Part]:
        hashed = self.known.hashes.get(value.hex()) if len(value) == HASH_BYTES else None
        if hashed is None:
            return [value]
        kind, text = hashed
        return [Hash(kind, self.known.compile(text), self.known.keyring)]

    def _compile_array(self, type_: str, value: bytes) -> list[Part]:
        """Dimensions, whether there are NULLs, the type; of each dimension two numbers; values."""
        head = 12 + 8 * int.from_bytes(value[:4])
        parts, at = list[Part]([value[:head]]), head
        while at < len(value):
            size = int.from_bytes(value[at : at + 4], signed=True)
            at += 4
            if size < 0:
                parts.append(NULL)
                continue
            parts += _add_length(self._compile(type_, value[at : at + size]))
            at += size
        return parts


def _compile_id(value: bytes, known: Known) -> list[Part]:
    if str(UUID(bytes=value)) in known.kept:
        return [value]
    half = value[-UUID_TAIL_BYTES] >> 4
    return [value[:-UUID_TAIL_BYTES], UuidTail(half)]


def _read_text(type_: str, value: bytes | None) -> str:
    assert value is not None, "a key has no NULL"
    if type_ == "uuid":
        return str(UUID(bytes=value))
    assert type_ in TEXTS, f"a key of type {type_} is not read"
    return value.decode()


def _add_length(parts: Sequence[Part]) -> list[Part]:
    """Return the length of a value, and its parts after it."""
    return [sum(map(_find_width, parts)).to_bytes(4), *parts]


def _find_width(part: Part) -> int:
    return len(part) if isinstance(part, bytes) else len(part.pack(ONE))


def _join(values: Sequence[bytes]) -> bytes:
    assert len({*map(len, values)}) == 1, "the copies of a row are equally long"
    return b"".join(values)
