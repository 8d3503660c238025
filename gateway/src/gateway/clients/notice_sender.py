"""Senders of notices: to telephones by the operator's webhook, and by e-mail."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.clients.webhook import Webhook, WebhookFailed

LANGUAGE = "id"
"""The owner's language is unknown; the language of the programme is Indonesian."""


class NoticeNotSent(RuntimeError):
    """Raised when a notice could not be sent; it is tried again later."""


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A notice as it is sent. No repr: it is about a person.

    id: the same at every attempt. parameters: what a template of the provider's is filled with.
    """

    id: uuid.UUID
    template: str
    language: str
    subject: str
    text: str
    parameters: Mapping[str, str]


class NoticeSender(Protocol):
    """Sends one notice: the webhook, the mail server, and the outbox of a sandbox."""

    async def send(self, to: str, message: Message) -> None:
        """Send to a number or an address. Raises: NoticeNotSent."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The senders. email: None where no mail server is configured."""

    phone: NoticeSender
    email: NoticeSender | None


class WebhookNotices:
    """Posts notices to the adapter that also sends codes, for SMS and WhatsApp.

    An SMS takes `text`; a template of WhatsApp, which its owner approves beforehand, takes
    `parameters`. No message contains a secret or a name.
    """

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, to: str, message: Message) -> None:
        """Post one notice. Raises: NoticeNotSent."""
        content = {
            "id": str(message.id),
            "phone": to,
            "template": message.template,
            "language": message.language,
            "text": message.text,
            "parameters": dict(message.parameters),
        }
        try:
            await self._webhook.post(content)
        except WebhookFailed as failed:
            raise NoticeNotSent(str(failed)) from None
