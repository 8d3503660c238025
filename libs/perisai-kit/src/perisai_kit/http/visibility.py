"""The objects of a stored answer, so that a replay requires that they are still visible.

A service records in its transaction the objects of an answer (`record_shown`). It sets the rule of
visibility for each kind in `Kit.visibility_checks`.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Principal

SHOWN = "shown"
"""The key in `session.info` for the objects of the answer."""

VisibilityCheck = Callable[[AsyncSession, Principal, Sequence[uuid.UUID]], Awaitable[None]]
"""Raises NotFound if the principal may not see all of these."""


def record_shown(session: AsyncSession, *, kind: str, ids: Sequence[uuid.UUID]) -> None:
    """Record objects of the answer of this transaction. kind: such as `member`."""
    session.info.setdefault(SHOWN, {}).setdefault(kind, set()).update(ids)


def get_shown(session: AsyncSession) -> dict[str, list[uuid.UUID]]:
    """Return the objects of the answer of this transaction, ids by kind."""
    return {kind: sorted(ids) for kind, ids in session.info.get(SHOWN, {}).items()}
