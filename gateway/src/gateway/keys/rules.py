"""When a signing key is published, signs, and is deleted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from perisai_kit.domain.errors import Conflict, NotFound

KNOWN_BEFORE_USE = timedelta(minutes=2)
"""Services fetch the key set once a minute, and must know a key before it signs."""
PUBLISHED_AFTER_USE = timedelta(hours=1)
"""Longer than the life of any access token, so that a rotation ends no session."""


class KeyStatus(StrEnum):
    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


class KeyTooYoung(Conflict):
    code = "signing_key_too_young"
    text = "Not every service knows the next key yet. Try again in two minutes."
    text_id = "Belum semua layanan mengenal kunci berikutnya. Coba lagi dua menit lagi."


class KeyNotFound(NotFound):
    code = "signing_key_not_found"
    text = "There is no signing key with this kid."
    text_id = "Tidak ada kunci penanda tangan dengan kid ini."


@dataclass(frozen=True, slots=True)
class KeyLife:
    """The instants of one key."""

    status: KeyStatus
    created_at: datetime
    current_at: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None = None


def can_take_over(next_key: KeyLife, *, now: datetime) -> bool:
    """Tell whether the next key may sign from now on."""
    return now - next_key.created_at >= KNOWN_BEFORE_USE


def is_due(current: KeyLife, *, now: datetime, signs_for: timedelta) -> bool:
    """Tell whether the current key has signed long enough."""
    return current.current_at is not None and now - current.current_at >= signs_for


def is_published(key: KeyLife, *, now: datetime) -> bool:
    """Tell whether tokens of this key are still accepted."""
    if key.revoked_at is not None:
        return False
    return key.retired_at is None or now - key.retired_at < PUBLISHED_AFTER_USE


def is_kept(key: KeyLife, *, now: datetime) -> bool:
    """Tell whether the row of a key is kept; a revoked key is kept as a record."""
    return key.revoked_at is not None or is_published(key, now=now)
