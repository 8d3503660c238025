"""Senders of notices about an account to its owner's telephone."""

from typing import Protocol

from gateway.clients.webhook import Webhook, WebhookFailed

LANGUAGE = "id"
"""The owner's language is unknown; the language of the programme is Indonesian."""


class NoticeNotSent(RuntimeError):
    """Raised when a notice could not be sent; it is tried again later."""


class NoticeSender(Protocol):
    """Sends one notice; the sandbox's outbox and the webhook are the two that exist."""

    async def send(self, *, phone: str, template: str) -> None: ...


class WebhookNotices:
    """Posts `{"phone", "template", "language"}` to the adapter that also sends codes.

    The adapter has the text of each template. No message contains a secret or a name.
    """

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, *, phone: str, template: str) -> None:
        """Post one notice. Raises: NoticeNotSent."""
        try:
            await self._webhook.post({"phone": phone, "template": template, "language": LANGUAGE})
        except WebhookFailed as failed:
            raise NoticeNotSent(str(failed)) from None
