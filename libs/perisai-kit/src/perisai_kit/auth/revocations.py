"""Access tokens that are revoked before they expire.

Tokens are revoked when a session ends, and when an account is locked or loses a role. The gateway
keeps a list for the life of an access token and refuses such tokens within two seconds. Services
fetch the list every minute and refuse them within 90 seconds. While the gateway does not answer, a
service uses the list it has.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

SETTLED_AFTER_S = 5
"""`iat` has whole seconds, and a concurrent sign-in may read the account before a change is
committed and sign after it."""


class Revocations:
    """The revocations that a process has loaded."""

    def __init__(self) -> None:
        self._accounts: dict[uuid.UUID, datetime] = {}
        self._sessions: dict[uuid.UUID, datetime] = {}

    async def refresh(self) -> None:
        """Called before a token is judged, for a list that no task keeps up to date."""

    def add(
        self,
        *,
        accounts: Iterable[tuple[uuid.UUID, datetime]],
        sessions: Iterable[tuple[uuid.UUID, datetime]],
    ) -> None:
        """Add revocations; a repeated one changes nothing."""
        self._accounts.update(accounts)
        self._sessions.update(sessions)

    def forget(self, *, before: datetime) -> None:
        """Drop revocations that are so old that their tokens have expired."""
        self._accounts = {key: at for key, at in self._accounts.items() if at >= before}
        self._sessions = {key: at for key, at in self._sessions.items() if at >= before}

    def is_revoked(
        self, *, account_id: uuid.UUID, session_id: uuid.UUID | None, issued_at: float
    ) -> bool:
        """Tell whether a token is revoked. issued_at: its `iat`, seconds since 1970."""
        if session_id is not None and session_id in self._sessions:
            return True
        valid_from = self._accounts.get(account_id)
        return valid_from is not None and issued_at < get_first_issued_at(valid_from)

    def list_since(
        self, instant: datetime
    ) -> tuple[dict[uuid.UUID, datetime], dict[uuid.UUID, datetime]]:
        """Return the accounts and the sessions revoked from this instant on, and when."""
        return (
            {key: at for key, at in self._accounts.items() if at >= instant},
            {key: at for key, at in self._sessions.items() if at >= instant},
        )


def get_first_issued_at(valid_from: datetime) -> int:
    """Return the earliest `iat` of tokens that are valid after a change at this instant.

    A token given after the change has at least this `iat`, even if it lies a little in the future.
    So tokens given just before the change can be distinguished and refused.
    """
    return int(valid_from.timestamp()) + SETTLED_AFTER_S
