"""Access tokens that stop counting before their end.

A session that is signed out or reported lost, an account that is locked or lost a role: the gateway
keeps a list of them for as long as a token given before can live, and refuses such tokens within
two seconds. Services ask for the list every minute and refuse them within 90 seconds. While the
gateway does not answer, a service goes on with what it knows.
"""

import asyncio
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import Field, ValidationError

from perisai_kit.client import ServiceClient
from perisai_kit.errors import DomainError
from perisai_kit.fields import Out
from perisai_kit.log import get_logger

REFRESH_EVERY_S = 60.0
RETRY_EVERY_S = 5.0
SETTLED_AFTER_S = 5
"""`iat` has whole seconds, and a sign-in at the same time as a change may read the account before
the change is committed and sign after it."""
ADDRESS = "/v1/revocations"

log = get_logger()


class RevokedAccount(Out):
    account_id: uuid.UUID
    valid_from: datetime = Field(description="Older access tokens of the account do not count.")


class RevokedSession(Out):
    session_id: uuid.UUID = Field(description="The claim `sid` of access tokens.")
    ended_at: datetime


class RevocationList(Out):
    """What changed since the instant that was asked about."""

    as_of: datetime = Field(description="Ask with it as `since` the next time.")
    kept_for_s: int = Field(description="A revocation that is older matters to no token any more.")
    accounts: list[RevokedAccount]
    sessions: list[RevokedSession]


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
        return valid_from is not None and issued_at < first_issued_at(valid_from)

    def since(self, instant: datetime) -> tuple[list[RevokedAccount], list[RevokedSession]]:
        """Return the revocations from this instant on."""
        return (
            [
                RevokedAccount(account_id=key, valid_from=at)
                for key, at in self._accounts.items()
                if at >= instant
            ],
            [
                RevokedSession(session_id=key, ended_at=at)
                for key, at in self._sessions.items()
                if at >= instant
            ],
        )


def first_issued_at(valid_from: datetime) -> int:
    """Return the earliest `iat` of the tokens that count after a change at this instant.

    A token that is given after the change says at least this `iat`, even if that lies a little in
    the future, so that those given just before it can be told apart and refused.
    """
    return int(valid_from.timestamp()) + SETTLED_AFTER_S


class RemoteRevocations(Revocations):
    """The gateway's list, as a service follows it."""

    def __init__(self, gateway: ServiceClient, *, refresh_every_s: float = REFRESH_EVERY_S) -> None:
        super().__init__()
        self._gateway = gateway
        self._refresh_every_s = refresh_every_s
        self._as_of: datetime | None = None

    async def fetch(self) -> bool:
        """Fetch what is new; tell whether it came. A failure keeps what we know."""
        params = {} if self._as_of is None else {"since": self._as_of.isoformat()}
        try:
            new = RevocationList.model_validate(await self._gateway.get(ADDRESS, params))
        except (DomainError, ValidationError) as error:
            log.warning("revocations.unavailable", error=type(error).__name__)
            return False
        self.add(
            accounts=((each.account_id, each.valid_from) for each in new.accounts),
            sessions=((each.session_id, each.ended_at) for each in new.sessions),
        )
        self.forget(before=new.as_of - timedelta(seconds=new.kept_for_s))
        self._as_of = new.as_of
        return True

    async def keep_fresh(self) -> None:
        """Fetch for ever."""
        while True:
            fetched = await self.fetch()
            await asyncio.sleep(
                self._refresh_every_s if fetched else min(RETRY_EVERY_S, self._refresh_every_s)
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._gateway.close()
