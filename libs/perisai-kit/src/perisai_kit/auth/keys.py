"""The keys that verify access tokens."""

import asyncio
import time
from typing import Protocol

import httpx
import jwt

from perisai_kit.domain.errors import Unavailable
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.network import Network

REFRESH_EVERY_S = 60.0
"""A service refuses a revoked key at most this long, plus one fetch, after the gateway."""
RETRY_EVERY_S = 5.0
"""The pause after a failed fetch."""
UNKNOWN_AT_MOST_EVERY_S = 60.0
"""How often an unknown `kid` may cause a fetch."""
LOADING_AT_MOST_EVERY_S = 1.0
"""The same while no key is loaded."""

log = get_logger()


class KeysUnavailable(Unavailable):
    """No token can be verified yet; the token itself may be valid."""

    code = "keys_unavailable"
    text = "The keys to verify access tokens are not loaded yet. Try again in a moment."
    text_id = "Kunci pemeriksa token belum siap. Coba sebentar lagi."


class KeySource(Protocol):
    """The source of verification keys: the gateway's JWKS, or the gateway's own table."""

    @property
    def loaded(self) -> bool: ...

    def has(self, kid: str) -> bool:
        """Tell whether `kid` is loaded and not revoked, without a fetch."""

    async def find(self, kid: str) -> jwt.PyJWK | None: ...


class RemoteKeys:
    """The gateway's published keys.

    `keep_fresh` fetches them every minute and drops keys that are no longer published. An unknown
    `kid` makes `find` fetch them too, at most once a minute. While the gateway does not answer, the
    loaded keys stay.
    """

    def __init__(
        self,
        gateway_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        refresh_every_s: float = REFRESH_EVERY_S,
    ) -> None:
        self._url = f"{gateway_url.rstrip('/')}/.well-known/jwks.json"
        self._transport = transport
        self._refresh_every_s = refresh_every_s
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def loaded(self) -> bool:
        return bool(self._keys)

    def has(self, kid: str) -> bool:
        return kid in self._keys

    async def find(self, kid: str) -> jwt.PyJWK | None:
        if kid not in self._keys:
            async with self._lock:
                if kid not in self._keys and self._may_ask():
                    self._asked_at = time.monotonic()
                    await self.fetch()
        return self._keys.get(kid)

    def _may_ask(self) -> bool:
        wait_s = UNKNOWN_AT_MOST_EVERY_S if self._keys else LOADING_AT_MOST_EVERY_S
        return time.monotonic() - self._asked_at > wait_s

    async def fetch(self) -> bool:
        """Fetch the key set once; return whether it succeeded. A failure keeps the loaded keys."""
        try:
            async with httpx.AsyncClient(
                transport=self._transport or Network(), timeout=5
            ) as client:
                # A cache on the way must not prolong the life of a revoked key.
                answer = await client.get(self._url, headers={"Cache-Control": "no-cache"})
                answer.raise_for_status()
                published = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
            log.warning("keys.fetch_failed", error=type(error).__name__)
            return False
        self._keys = {key.key_id: key for key in published if key.key_id is not None}
        return True

    async def keep_fresh(self) -> None:
        """Fetch for ever, more often until there are keys: the gateway may start later."""
        while True:
            fetched = await self.fetch()
            if not self.loaded:
                await asyncio.sleep(0.5)
            else:
                await asyncio.sleep(
                    self._refresh_every_s if fetched else min(RETRY_EVERY_S, self._refresh_every_s)
                )
