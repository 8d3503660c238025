"""Notices by e-mail, to a mail server on this machine."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from pydantic import SecretStr

from gateway.clients.mail import MailNotices, MailServer, SmtpSecurity
from gateway.clients.notice_sender import Message, NoticeNotSent
from perisai_kit.domain.ids import new_id

SENDER, TO = "perisai@example.org", "admin@wadah.example.org"


class Inbox:
    """What the mail server got, and how it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], bytes]] = []
        self.answer = "250 Message accepted"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append((list(envelope.rcpt_tos), envelope.content))
        return self.answer


def check_password(_: Any, __: Any, ___: Any, ____: str, given: Any) -> AuthResult:
    is_right = isinstance(given, LoginPassword) and given.password == b"right"
    return AuthResult(success=is_right, handled=False)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def port(inbox: Inbox) -> AsyncIterator[int]:
    """The port of a mail server on this machine, which offers no TLS."""

    def make() -> SMTP:
        return SMTP(inbox, authenticator=check_password, auth_require_tls=False)

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


def make_sender(
    port: int, *, security: SmtpSecurity = "none", password: str | None = None
) -> MailNotices:
    return MailNotices(
        MailServer(
            host="127.0.0.1",
            port=port,
            security=security,
            sender=SENDER,
            username=None if password is None else "perisai",
            password=None if password is None else SecretStr(password),
        )
    )


def make_message() -> Message:
    return Message(
        id=new_id(),
        template="incentive_stated",
        language="id",
        subject="Perisai: insentif November 2026",
        text="Insentif November 2026: Rp450.000 sebelum pajak.",
        parameters={"month": "2026-11", "amount": "450000"},
    )


async def test_a_notice_is_a_mail_of_plain_text_with_the_id_of_the_notice(
    inbox: Inbox, port: int
) -> None:
    message = make_message()

    await make_sender(port, password="right").send(TO, message)

    ((recipients, content),) = inbox.got
    mail = message_from_bytes(content, policy=policy.default)
    assert recipients == [TO]
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, TO, message.subject)
    assert mail["Message-ID"] == f"<{message.id}@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == message.text


@pytest.mark.parametrize("answer", ["451 Try later", "554 No such person", "nonsense"])
async def test_a_refusal_is_tried_again_without_the_words_of_the_server(
    inbox: Inbox, port: int, answer: str
) -> None:
    inbox.answer = f"{answer} {TO}"

    with pytest.raises(NoticeNotSent) as refused:
        await make_sender(port).send(TO, make_message())

    assert TO not in str(refused.value)


async def test_a_wrong_password_sends_nothing(inbox: Inbox, port: int) -> None:
    with pytest.raises(NoticeNotSent, match="SMTPAuthenticationError"):
        await make_sender(port, password="wrong").send(TO, make_message())

    assert inbox.got == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_nothing_is_sent_in_clear_to_a_server_without_tls(
    inbox: Inbox, port: int, security: SmtpSecurity
) -> None:
    with pytest.raises(NoticeNotSent):
        await make_sender(port, security=security).send(TO, make_message())

    assert inbox.got == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(NoticeNotSent, match="SMTPConnectError"):
        await make_sender(1).send(TO, make_message())
