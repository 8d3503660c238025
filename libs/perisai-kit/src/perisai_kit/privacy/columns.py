"""Encrypted columns. Each value is bound to its row.

    class Member(Base):
        id: Mapped[UUID] = mapped_column(primary_key=True)
        nik = sealed_text()
        kk = sealed_text(nullable=True)

`member.nik` is plain text. The database has ciphertext that is authenticated with table, column and
primary key, so it cannot be decrypted in another place. A value is encrypted when its row is
written, with the key ring of the engine, and decrypted when the attribute is read.

A column type of SQLAlchemy never sees the row of a value. So the attribute passes `Plain` to the
column type and gets `Ciphertext` back. The repr of both is empty.
"""

import weakref
from collections.abc import Mapping
from typing import Any, Generic, Literal, NoReturn, Self, TypeVar, cast, overload
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, Table, inspect
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapper, mapped_column
from sqlalchemy.types import TypeDecorator

from perisai_kit.db.connections import KEYRING_ATTRIBUTE
from perisai_kit.privacy.keyring import Keyring

Value = TypeVar("Value", bound=str | bytes | None)


class SealingFailed(RuntimeError):
    """Raised for a value that cannot be encrypted for its place; the text contains no value."""


class Ciphertext:
    """A stored value and the key ring that decrypts it."""

    __slots__ = ("_keyring", "_stored")

    def __init__(self, stored: bytes, keyring: Keyring) -> None:
        self._stored = stored
        self._keyring = keyring

    def decrypt(self, place: str) -> bytes:
        """Return the plain value. Raises: DecryptionFailed, also for another `place`."""
        return self._keyring.decrypt(self._stored, place)

    def __repr__(self) -> str:
        return "Ciphertext()"


class Plain:
    """A value for an encrypted column of one row."""

    __slots__ = ("_column", "_row", "_row_id", "value")

    def __init__(
        self,
        value: str | bytes,
        column: "Sealed[Any]",
        *,
        row: object | None = None,
        row_id: object | None = None,
    ) -> None:
        """row: an object with a primary key, which is read when the row is written."""
        self.value = value
        self._column = column
        self._row = None if row is None else weakref.ref(row)
        self._row_id = row_id

    def encrypt(self, keyring: Keyring, context: str) -> bytes:
        """Return the ciphertext for the row of the value.

        Raises: SealingFailed if the row has no primary key yet, or for the context of another
        column.
        """
        if context != self._column.context:
            raise SealingFailed(f"a value of {self._column.context} was given to {context}")
        row_id = self._row_id
        if self._row is not None and (row := self._row()) is not None:
            row_id = self._column.get_row_id(row)
        return self._column.seal(keyring, row_id, self.value)

    def __repr__(self) -> str:
        return "Plain()"


class SealedType(TypeDecorator[Any]):
    """The type of an encrypted column. context: `table.column`."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, Plain):
            kind = type(value).__name__
            raise SealingFailed(f"{self.context} takes what its attribute prepares, not {kind}")
        return value.encrypt(_get_keyring(dialect), self.context)

    def process_result_value(self, value: Any, dialect: Dialect) -> Ciphertext | None:
        return None if value is None else Ciphertext(value, _get_keyring(dialect))


class Sealed(Generic[Value]):
    """The attribute of an encrypted column; made by `sealed_text` and `sealed_bytes`.

    The column itself is mapped as `key`, for statements without objects.
    """

    context: str
    """`table.column`."""
    name: str
    key: str
    takes: type[str] | type[bytes]

    def __init__(self, kind: type[str] | type[bytes], *, nullable: bool) -> None:
        self.takes = kind
        self._nullable = nullable
        self._id_keys: tuple[str, ...] = ()

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name
        self.key = f"{name}_sealed"
        self.context = f"{owner.__tablename__}.{name}"
        self._owner = owner
        column = mapped_column(name, SealedType(self.context), nullable=self._nullable)
        setattr(owner, self.key, column)  # the mapper runs later and finds it

    @overload
    def __get__(self, row: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, row: object, owner: type[Any]) -> Value: ...

    def __get__(self, row: object | None, owner: type[Any]) -> "Self | Value":
        if row is None:
            return self
        held = getattr(row, self.key)
        if isinstance(held, Ciphertext):
            return self._decode(held.decrypt(self._place(self.get_row_id(row))))
        return cast("Value", None if held is None else held.value)

    def __set__(self, row: object, value: Value) -> None:
        self._check(value)
        setattr(row, self.key, None if value is None else Plain(value, self, row=row))

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("an encrypted column cannot be compared; compare a keyed hash beside it")

    __hash__ = object.__hash__

    @property
    def column(self) -> ColumnElement[Any]:
        """The mapped column, for `is_(None)` and for statements without objects."""
        return cast("ColumnElement[Any]", getattr(self._owner, self.key))

    def prepare(self, row_id: object, value: Value) -> Plain | None:
        """Return the value for a Core statement that writes one row.

        row_id: the primary key; a tuple if it has several columns.
        """
        self._check(value)
        return None if value is None else Plain(value, self, row_id=row_id)

    def read(self, held: Ciphertext | None, row_id: object) -> Value:
        """Return the plain value of a result of a Core statement.

        Raises: DecryptionFailed.
        """
        if held is None:
            return cast("Value", None)
        return self._decode(held.decrypt(self._place(row_id)))

    def seal(self, keyring: Keyring, row_id: object, value: Value) -> bytes:
        """Return the ciphertext for SQL without SQLAlchemy."""
        plain = value.encode() if isinstance(value, str) else value
        assert plain is not None, "NULL needs no key"
        return keyring.encrypt(plain, self._place(row_id))

    def unseal(self, keyring: Keyring, row_id: object, stored: bytes) -> Value:
        """Return the plain value of a result of such SQL. Raises: DecryptionFailed."""
        return self._decode(keyring.decrypt(stored, self._place(row_id)))

    def get_row_id(self, row: object) -> tuple[object, ...]:
        """Return the primary key of an object; unset parts are None."""
        return tuple([getattr(row, key) for key in self._keys_of_id()])

    def get_row_id_from(self, values: Mapping[str, Any]) -> tuple[object, ...]:
        """Return the primary key from the values of a row."""
        return tuple([values.get(key) for key in self._keys_of_id()])

    def _keys_of_id(self) -> tuple[str, ...]:
        if not self._id_keys:
            mapper: Mapper[Any] = inspect(self._owner)
            table = cast("Table", mapper.local_table)
            keys = (mapper.get_property_by_column(each).key for each in table.primary_key)
            self._id_keys = tuple(keys)
        return self._id_keys

    def _place(self, row_id: object) -> str:
        return build_place(self.context, row_id if isinstance(row_id, tuple) else (row_id,))

    def _decode(self, plain: bytes) -> Value:
        return cast("Value", plain.decode() if self.takes is str else plain)

    def _check(self, value: object) -> None:
        if value is not None and not isinstance(value, self.takes):
            raise TypeError(f"{self.context} takes {self.takes.__name__}")


@overload
def sealed_text(*, nullable: Literal[False] = False) -> Sealed[str]: ...


@overload
def sealed_text(*, nullable: Literal[True]) -> Sealed[str | None]: ...


def sealed_text(*, nullable: bool = False) -> Sealed[Any]:
    """Declare an encrypted column of text."""
    return Sealed(str, nullable=nullable)


@overload
def sealed_bytes(*, nullable: Literal[False] = False) -> Sealed[bytes]: ...


@overload
def sealed_bytes(*, nullable: Literal[True]) -> Sealed[bytes | None]: ...


def sealed_bytes(*, nullable: bool = False) -> Sealed[Any]:
    """Declare an encrypted column of bytes."""
    return Sealed(bytes, nullable=nullable)


def get_sealed_columns(model: type[Any]) -> list[Sealed[Any]]:
    """Return the encrypted columns of a model."""
    return [each for each in vars(model).values() if isinstance(each, Sealed)]


def seal_values(model: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of one row for a Core insert of a model.

    values: by attribute, with the primary key, and with plain values for encrypted columns.
    """
    prepared = dict(values)
    for each in get_sealed_columns(model):
        name = each.name
        if name in prepared:
            prepared[each.key] = each.prepare(each.get_row_id_from(values), prepared.pop(name))
    return prepared


def build_place(context: str, row_id: tuple[object, ...]) -> str:
    """Return the name of one value of the database: `table.column:id`.

    Colons in the parts of an id are escaped, so that names are unique.
    Raises: SealingFailed if a part is missing.
    """
    if len(row_id) == 1 and isinstance(row_id[0], UUID):
        return f"{context}:{row_id[0]}"  # most ids, and nothing in them to escape
    if None in row_id:
        raise SealingFailed(f"{context} is encrypted for its row, whose id must be set before")
    return f"{context}:{':'.join([_escape(str(part)) for part in row_id])}"


def _escape(part: str) -> str:
    return part.replace("\\", "\\\\").replace(":", "\\:") if "\\" in part or ":" in part else part


def _get_keyring(dialect: Dialect) -> Keyring:
    keyring = getattr(dialect, KEYRING_ATTRIBUTE, None)
    if not isinstance(keyring, Keyring):
        raise RuntimeError("an encrypted column needs Database(url, keyring=…)")
    return keyring
