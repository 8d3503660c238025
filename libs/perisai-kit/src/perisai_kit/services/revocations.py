"""The gateway's list of revoked tokens, in a service."""

import asyncio
import uuid
from datetime import datetime, timedelta

from pydantic import Field, ValidationError

from perisai_kit.auth.revocations import Revocations
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.types import AccountId, Out
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

REFRESH_EVERY_S = 60.0
RETRY_EVERY_S = 5.0
ADDRESS = "/v1/revocations"

log = get_logger()


class RevokedAccount(Out):
    account_id: AccountId
    valid_from: datetime = Field(description="Older access tokens of the account are revoked.")


class RevokedSession(Out):
    session_id: uuid.UUID = Field(description="The claim `sid` of access tokens.")
    ended_at: datetime = Field(description="When the session ended.")


class RevocationList(Out):
    """The revocations since the requested instant."""

    as_of: datetime = Field(description="The `since` of the next request.")
    kept_for_s: int = Field(description="Older revocations affect no token any more.")
    accounts: list[RevokedAccount] = Field(description="Accounts with revoked tokens.")
    sessions: list[RevokedSession] = Field(description="Sessions that ended.")


class RemoteRevocations(Revocations):
    """The gateway's list, refreshed every minute."""

    def __init__(self, gateway: ServiceClient, *, refresh_every_s: float = REFRESH_EVERY_S) -> None:
        super().__init__()
        self._gateway = gateway
        self._refresh_every_s = refresh_every_s
        self._as_of: datetime | None = None

    async def fetch(self) -> bool:
        """Fetch new revocations; return whether it succeeded. A failure keeps the list."""
        params = {} if self._as_of is None else {"since": self._as_of.isoformat()}
        try:
            new = RevocationList.model_validate(await self._gateway.get(ADDRESS, params))
        except (DomainError, ValidationError) as error:
            log.warning("revocations.fetch_failed", error=type(error).__name__)
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
