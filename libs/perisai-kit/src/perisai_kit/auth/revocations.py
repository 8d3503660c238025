"""Access tokens that stop counting before their end.

A session that is signed out or reported lost, an account that is locked or lost a role: the gateway
keeps a list of them for as long as a token given before can live, and refuses such tokens within
two seconds. Services ask for the list every minute and refuse them within 90 seconds. While the
gateway does not answer, a service goes on with what it knows.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

SETTLED_AFTER_S = 5
"""`iat` has whole seconds, and a sign-in at the same time as a change may read the account before
the change is committed and sign after it."""


class Revocations:
    """The revocations that a process knows."""

    def __init__(self) -> None:
        self._accounts: dict[uuid.UUID, datetime] = {}
        self._sessions: dict[uuid.UUID, datetime] = {}

    def add(
        self,
        *,
        accounts: Iterable[tuple[uuid.UUID, datetime]],
        sessions: Iterable[tuple[uuid.UUID, datetime]],
    ) -> None:
        """Take in revocations; the same one again changes nothing."""
        self._accounts.update(accounts)
        self._sessions.update(sessions)

    def forget(self, *, before: datetime) -> None:
        """Forget the revocations whose tokens have all ended."""
        self._accounts = {key: at for key, at in self._accounts.items() if at >= before}
        self._sessions = {key: at for key, at in self._sessions.items() if at >= before}

    def is_revoked(
        self, *, account_id: uuid.UUID, session_id: uuid.UUID | None, issued_at: float
    ) -> bool:
        """Tell whether a token counts no more. issued_at: its `iat`, seconds since 1970."""
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
    """Return the earliest `iat` of the tokens that count after a change at this instant.

    A token given after the change has at least this `iat`, even if it lies a little in the future.
    So tokens given just before the change can be distinguished and refused.
    """
    return int(valid_from.timestamp()) + SETTLED_AFTER_S
