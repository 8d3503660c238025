"""The platform's list of revoked access tokens.

Every process of the gateway reads recent changes from the tables every two seconds. The services
fetch the list from one of them.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.sessions import service as sessions
from gateway.settings import Settings
from perisai_kit.auth.revocations import Revocations
from perisai_kit.auth.tokens import LEEWAY_S
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Unavailable
from perisai_kit.services.revocations import RevocationList, RevokedAccount, RevokedSession

OVERLAP = timedelta(seconds=60)
"""A change has the instant at which its request began, but is visible only after the commit."""


class OwnRevocations(Revocations):
    """The list in this process of the gateway."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._kept_for = timedelta(seconds=settings.access_token_s + LEEWAY_S)
        self._as_of: datetime | None = None

    async def reload(self, session: AsyncSession) -> None:
        """Read the changes since the last time; at first, all that can affect a token."""
        now = clock.real_now()
        oldest = now - self._kept_for
        since = oldest if self._as_of is None else max(oldest, self._as_of - OVERLAP)
        changed = await accounts.list_tokens_valid_from(session, since=since)
        ended = await sessions.list_ended(session, since=since)
        self.add(accounts=changed, sessions=ended)
        self.forget(before=oldest)
        self._as_of = now

    def changes(self, since: datetime | None) -> RevocationList:
        """Return the changes from `since` on; all that can affect a token when left out.

        Raises: Unavailable before the tables have been read.
        """
        if self._as_of is None:
            raise Unavailable("The revocations have not been read yet.", retry_after_s=2)
        oldest = self._as_of - self._kept_for
        start = oldest if since is None else max(oldest, since - OVERLAP)
        changed, ended = self.list_since(start)
        return RevocationList(
            as_of=self._as_of,
            kept_for_s=int(self._kept_for.total_seconds()),
            accounts=[
                RevokedAccount(account_id=each, valid_from=at) for each, at in changed.items()
            ],
            sessions=[RevokedSession(session_id=each, ended_at=at) for each, at in ended.items()],
        )
