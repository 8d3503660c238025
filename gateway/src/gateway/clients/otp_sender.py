"""How a one-time code reaches a telephone: the seam between us and a provider of messages."""

from typing import Protocol

import httpx
from pydantic import SecretStr

from perisai_kit.errors import Unavailable
from perisai_kit.log import get_logger

SEND_TIMEOUT_S = 5

log = get_logger()


class CodeNotSent(Unavailable):
    code = "otp_not_sent"
    text = "The code could not be sent; try again in a moment."
    text_id = "Kode tidak dapat dikirim; coba sesaat lagi."


class OtpSender(Protocol):
    """Sends one code; the sandbox's outbox and the webhook are the two that exist."""

    async def send(self, *, phone: str, code: str, language: str) -> None: ...


class WebhookSender:
    """Posts `{"phone", "code", "language"}` to an adapter of the operator's provider.

    The adapter answers 2xx once the provider has taken the message.
    """

    def __init__(
        self, url: str, secret: SecretStr, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=SEND_TIMEOUT_S,
            headers={"Authorization": f"Bearer {secret.get_secret_value()}"},
        )

    async def send(self, *, phone: str, code: str, language: str) -> None:
        """Raises: CodeNotSent when the adapter did not take it."""
        try:
            answer = await self._client.post(
                self._url, json={"phone": phone, "code": code, "language": language}
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("otp.not_sent", error=type(error).__name__)
            raise CodeNotSent from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
