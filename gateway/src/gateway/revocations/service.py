"""The platform's list of revoked access tokens.

Every process of the gateway reads recent changes from the tables, at most two seconds before it
judges a token. The services fetch the list from one of them.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import service as accounts
from gateway.keys.service import SigningKeys
from gateway.sessions import service as sessions
from gateway.settings import Settings
from perisai_kit.auth.revocations import Revocations
from perisai_kit.auth.tokens import LEEWAY_S
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Unavailable
from perisai_kit.events.signals import Signal
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.revocations import RevocationList, RevokedAccount, RevokedSession

OVERLAP = timedelta(seconds=60)
"""A change has the instant at which its request began, but is visible only after the commit."""
RELOAD_EVERY_S = 2.0
"""How soon this process learns of a new key, a locked account or a removed role."""
RELOAD_AHEAD_S = 1.0
"""From this age on a request causes a reload without waiting for it, so that a busy gateway never
waits."""
IDLE_S = 30.0
"""How old the list becomes where no request comes. So it is not older in an outage that begins in
an idle time, and the services, which fetch the keys every minute, get those of now."""
RELOAD_S = 5.0
"""How long a reload may take, and a request may wait for it. After a failure none waits until one
has succeeded: what is known is used while the database does not answer."""

log = get_logger()


def _not_read() -> Unavailable:
    return Unavailable("The revocations have not been read yet.", retry_after_s=2)


class OwnRevocations(Revocations):
    """The list in this process of the gateway, which is reloaded together with the keys."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        keys: SigningKeys,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """monotonic: a clock in seconds, for the age of the list."""
        super().__init__()
        self._monotonic = monotonic
        self._kept_for = timedelta(seconds=settings.access_token_s + LEEWAY_S)
        self._as_of: datetime | None = None
        self._database = database
        self._keys = keys
        self._read_at = float("-inf")
        self._is_failing = False
        self._is_wanted = asyncio.Event()
        self._reloaded = Signal()

    async def refresh(self) -> None:
        """Have keys and revocations reloaded if they are too old; wait for it as long as allowed.

        `keep_reloading` does it.
        Raises: Unavailable before they have been read once.
        """
        age_s = self._monotonic() - self._read_at
        if age_s < RELOAD_AHEAD_S:
            return
        seen = self._reloaded.count
        self._is_wanted.set()
        if age_s >= RELOAD_EVERY_S and not self._is_failing:
            await self._reloaded.wait(seen, RELOAD_S)
        if self._as_of is None:
            raise _not_read()

    async def keep_reloading(self) -> None:
        """Reload at the start, whenever a request wants it, and every `IDLE_S`, for ever."""
        while True:
            began = self._monotonic()
            try:
                async with asyncio.timeout(RELOAD_S), self._database.read() as session:
                    await self.reload(session)
                    await self._keys.reload(session)
            except Exception as error:  # noqa: BLE001 - the known keys are used until the next one
                self._is_failing = True
                log.warning("gateway.reload_failed", error=type(error).__name__)
            else:
                self._read_at, self._is_failing = began, False
            self._is_wanted.clear()
            self._reloaded.send()
            if self._is_failing:
                await asyncio.sleep(RELOAD_EVERY_S)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._is_wanted.wait()

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
            raise _not_read()
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
