"""How a notice about an account reaches its owner's telephone."""

from typing import Protocol

from gateway.clients.webhook import Webhook, WebhookFailed

LANGUAGE = "id"
"""Nobody has told us the owner's language; the programme's own is Indonesian."""


class NoticeNotSent(RuntimeError):
    """Raised when a notice could not be handed over; it is tried again later."""


class NoticeSender(Protocol):
    """Sends one notice; the sandbox's outbox and the webhook are the two that exist."""

    async def send(self, *, phone: str, template: str) -> None: ...


class WebhookNotices:
    """Posts `{"phone", "template", "language"}` to the adapter that also sends codes.

    The adapter has the words of each template. No message holds a secret or a name.
    """

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, *, phone: str, template: str) -> None:
        """Raises: NoticeNotSent when the adapter did not take it."""
        try:
            await self._webhook.post({"phone": phone, "template": template, "language": LANGUAGE})
        except WebhookFailed as failed:
            raise NoticeNotSent(str(failed)) from None
