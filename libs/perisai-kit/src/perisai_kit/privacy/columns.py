"""Columns whose content is encrypted with the key ring of their engine."""

from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import TypeDecorator

from perisai_kit.db.engine import KEYRING_ATTRIBUTE
from perisai_kit.privacy.keyring import Keyring


def attach(engine: AsyncEngine, keyring: Keyring) -> None:
    """Give the engine the key ring its encrypted columns use."""
    setattr(engine.sync_engine.dialect, KEYRING_ATTRIBUTE, keyring)


def _keyring_of(dialect: Dialect) -> Keyring:
    keyring = getattr(dialect, KEYRING_ATTRIBUTE, None)
    if not isinstance(keyring, Keyring):
        raise RuntimeError("an encrypted column needs Database(url, keyring=…)")
    return keyring


class EncryptedBytes(TypeDecorator[bytes]):
    """A BYTEA column whose content is encrypted: `mapped_column(EncryptedBytes("scans.body"))`.

    It cannot be searched or compared; keep `keyring.lookup(…)` beside it for that.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else _keyring_of(dialect).encrypt(value, self.context)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else _keyring_of(dialect).decrypt(value, self.context)


class EncryptedText(TypeDecorator[str]):
    """As `EncryptedBytes`, for text: `mapped_column(EncryptedText("members.name"))`."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return _keyring_of(dialect).encrypt(value.encode(), self.context)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _keyring_of(dialect).decrypt(value, self.context).decode()
