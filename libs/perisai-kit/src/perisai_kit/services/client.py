"""HTTP client for another service: time-outs, the service's own token, and errors by kind."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from perisai_kit.domain.errors import (
    BadRequest,
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    PreconditionFailed,
    TooMany,
    Unavailable,
)
from perisai_kit.runtime.network import Network

# 401 and 403 concern this service's own token, not the user, so they are not passed on.
_KINDS: dict[int, type[DomainError]] = {
    400: BadRequest,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: Invalid,
    429: TooMany,
}
RENEW_BEFORE_END_S = 60


class TokenSource:
    """This service's own access token, from the gateway, cached until shortly before it expires."""

    def __init__(
        self,
        *,
        gateway_url: str,
        client_id: str,
        client_secret: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = f"{gateway_url.rstrip('/')}/v1/auth/token"
        self._grant = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._transport = transport
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def get_token(self) -> str:
        """Return a token that is still valid for some time.

        Raises: Unavailable if the gateway issues none.
        """
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._renew()
            return self._token

    def forget(self) -> None:
        """Drop the token, because it was refused."""
        self._renew_at = 0.0

    async def _renew(self) -> None:
        try:
            async with httpx.AsyncClient(
                transport=self._transport or Network(), timeout=5
            ) as client:
                answer = await client.post(self._url, json=self._grant)
                answer.raise_for_status()
                given = answer.json()
        except (httpx.HTTPError, ValueError):
            raise Unavailable("No token for this service.", retry_after_s=2) from None
        self._token = given["access_token"]
        life_s = float(given["expires_in"])
        self._renew_at = time.monotonic() + max(life_s - RENEW_BEFORE_END_S, life_s / 2)


class ServiceClient:
    """A client for one other service. One object per process; `close()` at its end."""

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        *,
        timeout_s: float = 10,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._tokens = tokens
        self._client = httpx.AsyncClient(
            base_url=base_url,
            # Inside one network compression costs more than it saves.
            headers={"Accept-Encoding": "identity"},
            transport=transport or Network(),
            timeout=httpx.Timeout(timeout_s, connect=3),
        )

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        timeout_s: float | None = None,
        authorization: str | None = None,
    ) -> Any:
        """Return the JSON of a GET.

        timeout_s: for a long poll, or for an answer that can be done without.
        authorization: the header of a user, who reads what that user may see; None: this service.
        Raises: the kind of error of the answer, or Unavailable without an answer.
        """
        return await self._ask(
            "GET", path, params=params, timeout_s=timeout_s, authorization=authorization
        )

    async def post(self, path: str, json: Any) -> Any:
        """Return the JSON of a POST, which is never retried here.

        Raises: the kind of error of the answer, or Unavailable without an answer.
        """
        return await self._ask("POST", path, json=json)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        timeout_s: float | None = None,
        authorization: str | None = None,
    ) -> Any:
        sent = {"Authorization": authorization or f"Bearer {await self._tokens.get_token()}"}
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            sent["X-Request-Id"] = str(request_id)
        timeout = httpx.Timeout(timeout_s, connect=3) if timeout_s else httpx.USE_CLIENT_DEFAULT
        try:
            answer = await self._client.request(
                method, path, params=params, json=json, headers=sent, timeout=timeout
            )
        except httpx.HTTPError:
            raise Unavailable from None
        if answer.status_code == 401 and authorization is None:
            self._tokens.forget()
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> Any:
        if answer.is_success:
            try:
                return answer.json()
            except ValueError:
                raise Unavailable("The other service's answer cannot be read.") from None
        kind = _KINDS.get(answer.status_code, Unavailable)
        raise kind(f"The other service answered {_code(answer)}.", upstream_code=_code(answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
