"""Unproven calls: little work is done for them, and the bank's own calls do not notice it.

A lock on the table of tokens delays the checks, because each unproven call reads that table.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from prometheus_client import REGISTRY

from payment_service.bank_access.rules import PartnerClient, Refusal
from payment_service.bank_access.service import LOOKS_AGAIN_EVERY_S, Gate
from payment_service.bank_access.unproven import (
    CHECKED_AT_ONCE,
    OF_ONE_ADDRESS,
    PROVEN_FOR_S,
    TooManyUnproven,
    UnprovenChecks,
    neighbourhood,
)
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import Sources
from payment_service.bills.schemas import BillOut
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import MakeApp, Urls, Wire, open_app_client
from perisai_kit.testing.server import open_connection, serve
from snap_bi.codes import Case
from snap_bi.profiles import GENERIC_HMAC, ReplayAnswer

MakePartner = Callable[..., Awaitable[BankPartner]]
IssueBill = Callable[..., Awaitable[BillOut]]


@dataclass
class Town:
    """A platform of its own with one bank, and the means to send unproven calls in its name."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    urls: Urls
    bank: Bank
    bill: BillOut

    @asynccontextmanager
    async def lookups_delayed(self) -> AsyncIterator[None]:
        """Delay every lookup of a token."""
        owner = await asyncpg.connect(self.urls.owner)
        try:
            async with owner.transaction():
                await owner.execute("LOCK TABLE snap_access_tokens IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            await owner.close()

    def intrude(self, address: str, **headers: str) -> Awaitable[httpx.Response]:
        """Send a payment in the bank's name, with a token that nobody gave out."""
        return self.bank.pay(
            payment_of(self.bill, self.bank.partner),
            token=secrets.token_urlsafe(),
            x_forwarded_for=address,
            **headers,
        )


OpenTown = Callable[..., Awaitable[Town]]


@pytest.fixture
async def open_town(
    *,
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    make_app: MakeApp,
    make_partner: MakePartner,
    issue_bill: IssueBill,
    wire: Wire,
    bank_key: rsa.RSAPrivateKey,
    bank_key_pem: str,
) -> AsyncIterator[OpenTown]:
    async with AsyncExitStack() as stack:

        async def open_(**differences: Any) -> Town:
            urls = own_database("payment")
            database = Database(urls.app, keyring=keyring)
            stack.push_async_callback(database.dispose)
            secret = secrets.token_urlsafe(48)
            async with database.begin() as session:
                partner = await make_partner(
                    session, client_secret=secret, public_key_pem=bank_key_pem, **differences
                )
                bill = await issue_bill(session)
            app = make_app(urls=urls, wire=wire)
            client = await stack.enter_async_context(open_app_client(app))
            bank = Bank(client, partner, bank_key, secret)
            return Town(app, client, database, urls, bank, bill)

        yield open_


Calls = list["asyncio.Future[httpx.Response]"]


def started(count: int, send: Callable[[int], Awaitable[httpx.Response]]) -> Calls:
    return [asyncio.ensure_future(send(place)) for place in range(count)]


async def answered(calls: Calls, count: int) -> None:
    """Wait until so many of these calls have an answer."""
    async with asyncio.timeout(20):
        while len(waiting := [call for call in calls if not call.done()]) > len(calls) - count:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


async def codes_of(calls: Calls) -> Counter[int]:
    return Counter([answer.status_code for answer in await asyncio.gather(*calls)])


def unanswered() -> float:
    return REGISTRY.get_sample_value("snap_unproven_unanswered_total") or 0.0


def address_of(place: int) -> str:
    return f"198.51.100.{place}"


async def test_no_more_than_a_few_unproven_calls_are_checked_at_once(open_town: OpenTown) -> None:
    town = await open_town()
    before, too_many = unanswered(), 20 - CHECKED_AT_ONCE

    async with town.lookups_delayed():
        calls = started(20, lambda place: town.intrude(address_of(place)))
        await answered(calls, too_many)
        closed = [call.result() for call in calls if call.done()]

    # This server cannot close a connection; an empty 504 is no code of the standard either.
    assert {(each.status_code, each.content) for each in closed} == {(504, b"")}
    assert await codes_of(calls) == {504: too_many, 401: CHECKED_AT_ONCE}
    assert unanswered() == before + too_many


async def test_one_address_cannot_take_every_place(open_town: OpenTown) -> None:
    town = await open_town()

    async with town.lookups_delayed():
        crowd = started(20, lambda _: town.intrude(address_of(1)))
        await answered(crowd, 20 - OF_ONE_ADDRESS)
        other = started(1, lambda _: town.intrude(address_of(2)))

    assert await codes_of(crowd) == {504: 20 - OF_ONE_ADDRESS, 401: OF_ONE_ADDRESS}
    assert await codes_of(other) == {401: 1}


async def test_a_bank_that_has_proven_itself_is_served_whatever_others_send(
    open_town: OpenTown,
) -> None:
    town = await open_town()
    home: dict[str, Any] = {"x_forwarded_for": "203.0.113.7"}
    town.bank.token = (await town.bank.ask_token(**home)).json()["accessToken"]

    async with town.lookups_delayed():
        crowd = started(40, lambda place: town.intrude(address_of(place)))
        await answered(crowd, 40 - CHECKED_AT_ONCE)
        asked = await town.bank.inquire(inquiry_of(town.bill, town.bank.partner), **home)
        paid = await town.bank.pay(payment_of(town.bill, town.bank.partner), **home)
        # The valid token is proof enough at another address of the bank too.
        moved = await town.bank.inquire(
            inquiry_of(town.bill, town.bank.partner), x_forwarded_for="203.0.113.99"
        )

    codes = [each.json()["responseCode"] for each in (asked, paid, moved)]
    assert codes == ["2002400", "2002500", "4042414"]
    assert await codes_of(crowd) == {504: 40 - CHECKED_AT_ONCE, 401: CHECKED_AT_ONCE}


async def test_an_address_on_a_partners_list_is_never_bounded(open_town: OpenTown) -> None:
    town = await open_town(allowed_sources=["203.0.113.0/28"])

    async with town.lookups_delayed():
        calls = started(2 * CHECKED_AT_ONCE, lambda _: town.intrude("203.0.113.7"))
        bounded = started(2 * CHECKED_AT_ONCE, lambda place: town.intrude(address_of(place)))
        # An address that is on no list is refused before anything is looked up.
        await answered(bounded, 2 * CHECKED_AT_ONCE)

    assert await codes_of(calls) == {401: 2 * CHECKED_AT_ONCE}
    assert await codes_of(bounded) == {401: 2 * CHECKED_AT_ONCE}


async def test_the_concurrent_first_calls_of_a_bank_share_one_lookup(
    open_town: OpenTown, make_app: MakeApp, wire: Wire
) -> None:
    town = await open_town()
    await town.bank.take_token()

    async with open_app_client(make_app(urls=town.urls, wire=wire)) as restarted:
        bank = replace(town.bank, client=restarted)
        async with town.lookups_delayed():
            calls = started(30, lambda _: bank.inquire(inquiry_of(town.bill, bank.partner)))
            await asyncio.sleep(0)

        assert await codes_of(calls) == {200: 30}


async def test_the_connection_is_closed_without_an_answer_if_the_server_can(
    open_town: OpenTown,
) -> None:
    town = await open_town()
    said: list[Any] = []
    closed = asyncio.Event()
    body = iter([{"type": "http.request", "body": b"{}", "more_body": False}])

    async def receive() -> Any:
        if (message := next(body, None)) is not None:
            return message
        await closed.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    async with town.lookups_delayed():
        calls = started(CHECKED_AT_ONCE + 1, lambda place: town.intrude(address_of(place)))
        await answered(calls, 1)
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/snap/v1.0/transfer-va/payment",
            "query_string": b"",
            "headers": [(b"authorization", b"Bearer made-up")],
            "client": ("198.51.100.99", 1),
            "extensions": {"perisai.abort": closed.set},
        }
        await asyncio.wait_for(town.app(scope, receive, send), timeout=10)
    assert await codes_of(calls) == {504: 1, 401: CHECKED_AT_ONCE}

    assert closed.is_set()
    assert said == []


async def test_a_made_up_token_that_many_calls_share_admits_none(open_town: OpenTown) -> None:
    town = await open_town()
    shared = secrets.token_urlsafe()

    def intrude(place: int) -> Awaitable[httpx.Response]:
        return town.bank.pay(
            payment_of(town.bill, town.bank.partner),
            token=shared,
            x_forwarded_for=address_of(place),
        )

    before = unanswered()
    async with town.lookups_delayed():
        calls = started(60, intrude)
        await asyncio.sleep(0.2)
    found = await codes_of(calls)

    assert set(found) == {401, 504}
    assert found[504] == unanswered() - before > 0


async def test_the_connection_of_an_unproven_call_beyond_the_limit_is_closed(
    open_town: OpenTown,
) -> None:
    town = await open_town()
    said = (
        b"POST /snap/v1.0/transfer-va/payment HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
        b"authorization: Bearer made-up\r\n\r\n{}"
    )

    async with serve(town.app) as port, town.lookups_delayed():
        calls = started(CHECKED_AT_ONCE + 1, lambda place: town.intrude(address_of(place)))
        await answered(calls, 1)
        async with open_connection(port) as client:
            await client.send(said)
            received = await client.rest()
    await codes_of(calls)

    assert received == b""


async def test_made_up_client_keys_make_the_partners_be_read_once_a_second(
    bank: Bank, database: Database, keyring: Keyring
) -> None:
    gate = Gate(database, keyring, trusted=(), cache_s=60, bank_time_tolerance=timedelta())
    before = await gate.list_clients()

    first = await gate.find_client(str(new_id()))
    after_one = await gate.list_clients()
    others = [await gate.find_client(str(new_id())) for _ in range(50)]
    after_all = await gate.list_clients()

    assert [first, *others] == [None] * 51
    assert bank.partner.id in {client.partner_id for client in before}
    # Each read makes a new tuple of clients.
    assert (after_one is before, after_all is after_one) == (False, True)
    assert LOOKS_AGAIN_EVERY_S == 1.0


def test_a_proof_counts_for_its_partner_and_address_and_for_an_hour() -> None:
    now = [0.0]
    checks = UnprovenChecks(lambda: now[0])
    one, other = make_client(), make_client()

    checks.note_proven(one, "203.0.113.7")

    assert checks.is_proven(one, "203.0.113.7")
    assert checks.is_proven(one, "::ffff:203.0.113.7")
    assert not checks.is_proven(one, "203.0.113.8")
    assert not checks.is_proven(other, "203.0.113.7")
    now[0] = PROVEN_FOR_S
    assert not checks.is_proven(one, "203.0.113.7")


def test_a_place_is_free_again_after_a_check_whatever_came_of_it() -> None:
    checks = UnprovenChecks()

    for place in range(3 * CHECKED_AT_ONCE):
        with suppress(Refusal), checks.check(address_of(place)):
            raise Refusal(Case.INVALID_TOKEN)

    with ExitStack() as held:
        for place in range(CHECKED_AT_ONCE):
            held.enter_context(checks.check(address_of(place)))
        with pytest.raises(TooManyUnproven):
            held.enter_context(checks.check(address_of(99)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("nonsense", None, True),
    ],
)
def test_the_addresses_of_one_ipv6_network_count_as_one_client(
    one: str, other: str | None, same: bool
) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same


def make_client() -> PartnerClient:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return PartnerClient(
        partner_id=new_id(),
        profile=GENERIC_HMAC,
        company_code="88001",
        client_id="bank",
        client_secret="not used here",
        public_key=key.public_key(),
        sources=Sources(),
        replay_answer=ReplayAnswer.STORED_SUCCESS,
        is_active=True,
        bank_time_tolerance=None,
        keeps_refused_money=False,
    )
