"""Senders of one-time codes: the interface to a message provider."""

from typing import Protocol

from gateway.clients.webhook import Webhook, WebhookFailed
from perisai_kit.domain.errors import Unavailable
from perisai_kit.runtime.log import get_logger

log = get_logger()


class CodeNotSent(Unavailable):
    code = "otp_not_sent"
    text = "The code could not be sent. Try again in a moment."
    text_id = "Kode gagal dikirim. Coba sebentar lagi."


class OtpSender(Protocol):
    """Sends one code; the sandbox's outbox and the webhook are the two that exist."""

    async def send(self, *, phone: str, code: str, language: str) -> None: ...


class WebhookSender:
    """Posts `{"phone", "code", "language"}` to an adapter of the operator's provider."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, *, phone: str, code: str, language: str) -> None:
        """Post one code. Raises: CodeNotSent."""
        try:
            await self._webhook.post({"phone": phone, "code": code, "language": language})
        except WebhookFailed as failed:
            log.warning("otp.not_sent", error=str(failed))
            raise CodeNotSent from None
