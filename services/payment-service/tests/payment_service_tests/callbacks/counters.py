"""Writers on a database of their own, and flags for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from payment_service_tests.partner_bank import Bank, payment_of
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from payment_service.banks.models import BankPartner
from payment_service.bills.schemas import BillOut
from payment_service.callbacks import service
from payment_service.callbacks.queries import find_held
from payment_service.callbacks.schemas import Message, TakeMany
from payment_service.callbacks.writer import BEGIN_WITHIN_S, Writer
from payment_service.ledger import service as ledger
from payment_service.payments.models import Payment
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import configure_logging
from perisai_kit.testing.plugin import Urls
from snap_bi.answers import Answer
from snap_bi.codes import Service

IssueBill = Callable[..., Awaitable[BillOut]]
MakePartner = Callable[..., Awaitable[BankPartner]]
MakeFlag = Callable[..., Message]
OwnDatabase = Callable[[str], Urls]
TOO_LONG_S = 2 * BEGIN_WITHIN_S


@dataclass
class Counter:
    """Two processes' worth of writers on one database, and flags that pay a bill each."""

    database: Database
    writers: list[Writer[Message]]
    bank: Bank
    bills: list[BillOut]
    make_flag: MakeFlag

    def flag(self, bill: BillOut, *, number: str | None = None) -> Message:
        return self.make_flag(self.bank, payment_of(bill, self.bank.partner), number=number)

    async def take(self, flags: list[Message]) -> list[Answer | BaseException]:
        """Hand the flags in at once, to one writer and the other by turns."""
        return await asyncio.gather(
            *(self.writers[place % 2].take(each) for place, each in enumerate(flags)),
            return_exceptions=True,
        )

    async def paid(self) -> int:
        async with self.database.read() as session:
            assert await ledger.find_faults(session) == []
            return await session.scalar(select(func.count()).select_from(Payment)) or 0


OpenCounter = Callable[..., AbstractAsyncContextManager[Counter]]


@pytest.fixture
def open_counter(
    *,
    keyring: Keyring,
    make_partner: MakePartner,
    issue_bill: IssueBill,
    bank_key: RSAPrivateKey,
    flag: MakeFlag,
) -> OpenCounter:
    """Open a counter on a database of its own, with so many bills to be paid."""
    configure_logging(service="payment-service")  # as an app does at its start

    @asynccontextmanager
    async def open_(urls: Urls, *, bills: int) -> AsyncIterator[Counter]:
        database = Database(urls.app, keyring=keyring)
        writers = [
            Writer(
                database,
                keyring,
                service.take_payments,
                service=Service.PAYMENT,
                find_held=find_held,
            )
            for _ in range(2)
        ]
        async with database.begin() as session, httpx.AsyncClient() as nobody:
            bank = Bank(nobody, await make_partner(session), bank_key, "of no use here")
            issued = [await issue_bill(session) for _ in range(bills)]
        yield Counter(database, writers, bank, issued, flag)
        for writer in writers:
            await writer.close()
        await database.dispose()

    return open_


def make_writer(
    counter: Counter,
    keyring: Keyring,
    take_many: TakeMany[Message] = service.take_payments,
    **seconds: Any,
) -> Writer[Message]:
    return Writer(
        counter.database,
        keyring,
        take_many,
        service=Service.PAYMENT,
        find_held=find_held,
        **seconds,
    )


def codes(answers: list[Answer | BaseException]) -> list[str]:
    """Return the codes; a flag in doubt has none."""
    return [each.response_code if isinstance(each, Answer) else "in doubt" for each in answers]


def batches() -> tuple[float, float]:
    """Return how many batches this process has booked so far, and how many flags in them."""
    names = ("snap_batch_size_count", "snap_batch_size_sum")
    of_payments = {"service": Service.PAYMENT.value}
    count, flags = (REGISTRY.get_sample_value(name, of_payments) or 0.0 for name in names)
    return count, flags
