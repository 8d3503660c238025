"""What a kept answer shows, so that a repeat gets it only if it may still be seen.

A service says in its transaction what an answer is about (`record_shown`), and gives the kit, by
kind, the rule that decides who sees it (`Kit.visibility_checks`).
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Principal

SHOWN = "shown"
"""The mark in `session.info` for what the answer of its transaction is about."""

VisibilityCheck = Callable[[AsyncSession, Principal, Sequence[uuid.UUID]], Awaitable[None]]
"""Raises NotFound where the subject may not see all of these."""


def record_shown(session: AsyncSession, *, kind: str, ids: Sequence[uuid.UUID]) -> None:
    """Record what the answer of this transaction is about. kind: such as `member`."""
    session.info.setdefault(SHOWN, {}).setdefault(kind, set()).update(ids)


def get_shown(session: AsyncSession) -> dict[str, list[uuid.UUID]]:
    """Return what the answer of this transaction is about, ids by kind."""
    return {kind: sorted(ids) for kind, ids in session.info.get(SHOWN, {}).items()}
