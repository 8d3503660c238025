"""Sends notices by e-mail, over SMTP. The relay signs them (DKIM)."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import aiosmtplib
from pydantic import SecretStr

from gateway.clients.notice_sender import Message, NoticeNotSent
from perisai_kit.domain import clock
from perisai_kit.runtime.tls import get_ssl_context

SEND_TIMEOUT_S = 5

SmtpSecurity = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """The operator's relay. security: none only for a relay on the same machine."""

    host: str
    port: int
    security: SmtpSecurity
    sender: str
    username: str | None
    password: SecretStr | None


class MailNotices:
    """Sends each notice as a mail of plain text to one address."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, to: str, message: Message) -> None:
        """Send one notice. Raises: NoticeNotSent."""
        server = self._server
        password = None if server.password is None else server.password.get_secret_value()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await aiosmtplib.send(
                    _compose(to, message, sender=server.sender),
                    sender=server.sender,
                    recipients=[to],
                    hostname=server.host,
                    port=server.port,
                    username=server.username,
                    password=password,
                    use_tls=server.security == "tls",
                    start_tls=server.security == "starttls",
                    tls_context=None if server.security == "none" else get_ssl_context(),
                    timeout=SEND_TIMEOUT_S,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # The text of the server may name the address.
            raise NoticeNotSent(type(error).__name__) from None


def _compose(to: str, message: Message, *, sender: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(clock.real_now())
    # The same at every attempt, so that a mail that arrives twice can be recognised.
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Content-Language"] = message.language
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    return mail
