"""The webhook that sends messages: an adapter of the operator's provider."""

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from perisai_kit.runtime.network import Network

SEND_TIMEOUT_S = 5


class WebhookFailed(RuntimeError):
    """Raised when the adapter did not accept a message; the text is the kind of failure."""


class Webhook:
    """Posts messages as JSON.

    The adapter answers 2xx once the provider has accepted the message.
    """

    def __init__(
        self, url: str, secret: SecretStr, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._client = httpx.AsyncClient(
            transport=transport or Network(),
            timeout=SEND_TIMEOUT_S,
            headers={"Authorization": f"Bearer {secret.get_secret_value()}"},
        )

    async def post(self, message: Mapping[str, Any]) -> None:
        """Post one message. Raises: WebhookFailed."""
        try:
            answer = await self._client.post(self._url, json=message)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise WebhookFailed(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
