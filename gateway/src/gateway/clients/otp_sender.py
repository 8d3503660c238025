"""Senders of one-time codes: the interface to a message provider."""

from enum import StrEnum
from typing import Protocol

from gateway.clients.webhook import Webhook, WebhookFailed
from perisai_kit.domain.errors import Unavailable
from perisai_kit.runtime.log import get_logger

LANGUAGE = "id"
"""Of a message that the owner of the number did not ask for in a language of their own."""

log = get_logger()


class CodePurpose(StrEnum):
    """What a code is for. The message says it, so that nobody reads out the wrong one."""

    SIGN_IN = "sign_in"
    CONFIRMATION = "confirmation"
    """Of a change of a member's record."""


class CodeNotSent(Unavailable):
    code = "otp_not_sent"
    text = "The code could not be sent. Try again in a moment."
    text_id = "Kode gagal dikirim. Coba sebentar lagi."


class OtpSender(Protocol):
    """Sends one code; the sandbox's outbox and the webhook are the two that exist."""

    async def send(self, *, phone: str, code: str, language: str, purpose: CodePurpose) -> None: ...


class WebhookSender:
    """Posts `{"phone", "code", "language", "purpose"}` to an adapter of the operator's provider."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, *, phone: str, code: str, language: str, purpose: CodePurpose) -> None:
        """Post one code. Raises: CodeNotSent."""
        message = {"phone": phone, "code": code, "language": language, "purpose": purpose.value}
        try:
            await self._webhook.post(message)
        except WebhookFailed as failed:
            log.warning("otp.not_sent", error=str(failed))
            raise CodeNotSent from None
