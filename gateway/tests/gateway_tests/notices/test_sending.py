"""Notices are sent at least once, a bounded number of times, by one worker at a time."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from gateway_tests.gateways import PHONE
from sqlalchemy import text

from gateway.app import open_database
from gateway.clients.notice_sender import Channels, Message, NoticeNotSent
from gateway.notices import rules
from gateway.notices import service as notices
from gateway.notices.rules import About, Fact, NoticeTemplate
from gateway.notices.service import IncentiveNotice, attempts_total
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

MAIL = "admin@wadah.example.org"
NOVEMBER = Month(2026, 11)


class Sender:
    """A provider that remembers what it got, and refuses some of it."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.got: list[tuple[str, str]] = []
        self.at_once = self.most_at_once = 0

    async def send(self, to: str, message: Message) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.refusals:
            self.refusals -= 1
            raise NoticeNotSent("ConnectError")
        self.got.append((to, message.template))


def about(template: NoticeTemplate = NoticeTemplate.INCENTIVE_STATED) -> About:
    return About(new_id(), Fact.STATEMENT_ISSUED, template, NOVEMBER, 450_000)


async def add(gateway: Any, *new: IncentiveNotice) -> None:
    async with gateway.parts.database.begin() as session:
        await notices.add_about_incentives(session, new, now=clock.real_now())


def by_phone(phone: str = PHONE) -> IncentiveNotice:
    return IncentiveNotice(new_id(), about(), phone=phone, email=None)


def by_mail(email: str = MAIL) -> IncentiveNotice:
    return IncentiveNotice(new_id(), about(), phone=None, email=email)


async def add_about_account(gateway: Any, phone: str = PHONE) -> None:
    async with gateway.parts.database.begin() as session:
        await notices.add(
            session,
            NoticeTemplate.ACCOUNT_LOCKED,
            account_id=new_id(),
            phone=phone,
            email=None,
            now=clock.real_now(),
        )


async def read_rows(gateway: Any) -> list[Any]:
    async with gateway.parts.database.read() as session:
        found = await session.execute(
            text("SELECT phone, email, sent_at, abandoned_at, next_try_at FROM account_notices")
        )
        return list(found.all())


@pytest.fixture
async def other_database(gateway: Any) -> AsyncIterator[Any]:
    """A second process on the same database."""
    database = open_database(gateway.parts.settings)
    yield database
    await database.dispose()


async def test_notices_about_accounts_go_before_thousands_about_incentives(gateway: Any) -> None:
    sender = Sender()
    await add(gateway, *(by_phone() for _ in range(notices.BATCH)))
    await add_about_account(gateway)

    await notices.send_due(gateway.parts.database, Channels(sender, None), now=clock.real_now())

    first = sender.got[: notices.AT_ONCE]
    assert (PHONE, "account_locked") in first
    assert len(sender.got) == notices.BATCH + 1
    assert 1 < sender.most_at_once <= notices.AT_ONCE


async def test_a_run_is_bounded_and_says_that_there_is_more(gateway: Any) -> None:
    sender = Sender()
    a_run = notices.BATCH
    await add(gateway, *(by_phone() for _ in range(a_run + 1)))

    async def run() -> bool:
        now = clock.real_now()
        channels = Channels(sender, None)
        return await notices.send_due(gateway.parts.database, channels, now=now, batches=1)

    assert await run()
    assert len(sender.got) == a_run
    assert not await run()
    assert len(sender.got) == a_run + 1


async def test_in_quiet_hours_only_notices_about_accounts_are_sent(gateway: Any) -> None:
    sender = Sender()
    await add(gateway, by_phone())
    await add_about_account(gateway)
    now, channels = clock.real_now(), Channels(sender, None)

    async def has_due(*, is_quiet: bool) -> bool:
        async with gateway.parts.database.read() as session:
            return await notices.has_due(session, now=now, is_quiet=is_quiet)

    evening = await has_due(is_quiet=True)
    await notices.send_due(gateway.parts.database, channels, now=now, is_quiet=True)
    at_night = list(sender.got)
    night, morning = await has_due(is_quiet=True), await has_due(is_quiet=False)
    await notices.send_due(gateway.parts.database, channels, now=now)

    assert (evening, night, morning) == (True, False, True)
    assert not await has_due(is_quiet=False)
    assert at_night == [(PHONE, "account_locked")]
    assert sender.got[1:] == [(PHONE, "incentive_stated")]


async def test_a_provider_that_never_answers_is_given_up_and_that_is_visible(
    gateway: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = Sender(refusals=1_000)
    abandoned = attempts_total.labels("phone", "abandoned")
    before = abandoned._value.get()
    await add(gateway, by_phone())
    capfd.readouterr()

    for attempt in range(rules.MAX_ATTEMPTS + 2):
        await notices.send_due(
            gateway.parts.database,
            Channels(sender, None),
            now=clock.real_now() + attempt * rules.LONGEST_RETRY,
        )

    assert 1_000 - sender.refusals == rules.MAX_ATTEMPTS
    (row,) = await read_rows(gateway)
    assert row.abandoned_at is not None
    assert (row.phone, row.sent_at, row.next_try_at) == (None, None, None)
    assert abandoned._value.get() == before + 1
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    names = [each["event"] for each in lines if each["event"].startswith("notice.")]
    assert names == ["notice.not_sent"] * (rules.MAX_ATTEMPTS - 1) + ["notice.abandoned"]
    assert not any("7890" in str(each) or "450" in str(each.get("error")) for each in lines)


async def test_a_worker_that_dies_while_it_sends_leaves_the_notice_to_the_next(
    gateway: Any,
) -> None:
    class Dying(Sender):
        async def send(self, to: str, message: Message) -> None:
            raise KeyError("dead")  # nothing that a sender may raise

    sender = Sender()
    await add(gateway, by_phone())
    now = clock.real_now()

    with pytest.raises(ExceptionGroup):
        await notices.send_due(gateway.parts.database, Channels(Dying(), None), now=now)
    await notices.send_due(gateway.parts.database, Channels(sender, None), now=now)
    too_early = list(sender.got)
    later = now + rules.FIRST_RETRY + timedelta(seconds=1)
    await notices.send_due(gateway.parts.database, Channels(sender, None), now=later)
    await notices.send_due(gateway.parts.database, Channels(sender, None), now=later)

    assert too_early == []
    assert sender.got == [(PHONE, "incentive_stated")]


@pytest.mark.race
async def test_two_workers_at_once_send_each_notice_once(gateway: Any, other_database: Any) -> None:
    sender = Sender()
    phones = [f"+62812000{number:05}" for number in range(120)]
    await add(gateway, *(by_phone(each) for each in phones))
    now = clock.real_now()

    await asyncio.gather(
        notices.send_due(gateway.parts.database, Channels(sender, None), now=now),
        notices.send_due(other_database, Channels(sender, None), now=now),
    )

    assert sorted(to for to, _ in sender.got) == phones


async def test_without_a_mail_server_staff_reads_its_notices_in_the_app(gateway: Any) -> None:
    sender, account_id = Sender(), new_id()
    await add(gateway, IncentiveNotice(account_id, about(), phone=None, email=MAIL))

    await notices.send_due(gateway.parts.database, Channels(sender, None), now=clock.real_now())

    (row,) = await read_rows(gateway)
    assert tuple(row) == (None, None, None, None, None)
    own = await gateway.signed_in(Role.WADAH_ADMIN, account_id=account_id)
    read = await gateway.client.get("/v1/me/notices", headers=own)
    assert [each["template"] for each in read.json()["items"]] == ["incentive_stated"]


async def test_numbers_and_addresses_are_encrypted_until_they_are_removed(gateway: Any) -> None:
    phone, mail = Sender(), Sender()
    await add(gateway, by_phone(), by_mail())
    stored = await read_rows(gateway)

    await notices.send_due(gateway.parts.database, Channels(phone, mail), now=clock.real_now())

    kept = [bytes(value) for row in stored for value in (row.phone, row.email) if value]
    assert len(kept) == 2
    assert not any(b"7890" in each or b"wadah" in each for each in kept)
    assert (phone.got, mail.got) == (
        [(PHONE, "incentive_stated")],
        [(MAIL, "incentive_stated")],
    )
    assert [(row.phone, row.email) for row in await read_rows(gateway)] == [(None, None)] * 2


async def test_an_account_gets_one_notice_of_a_fact(gateway: Any) -> None:
    once = IncentiveNotice(uuid.UUID(int=1), about(), phone=PHONE, email=None)

    await add(gateway, once, once)
    await add(gateway, once)

    assert len(await read_rows(gateway)) == 1
