"""A long day at the banks while processes die by chance; then every book is checked.

`make soak`, see docs/testing.md. SOAK_CALLBACKS, SOAK_SEED, SOAK_KILL_EVERY_S and SOAK_MINUTES
change how many, which, how often and for how long.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from stage import books, replay
from stage.closing import close_month
from stage.copies import copy_databases
from stage.crowd import new_crowd
from stage.customers import AT, MONTH, PaymentReply
from stage.load import Kind, Order, Sizes, orders_of, pay_all, unexpected
from stage.own_bank import own_bank
from stage.processes import Platform
from stage.storm import Storm
from stage.waiting import until

from perisai_kit.testing.plugin import Databases
from sandbox.environment import FAKEBANK_FILE
from sandbox.fakebank.config import Partners

pytestmark = pytest.mark.soak
CALLBACKS = int(os.environ.get("SOAK_CALLBACKS", "100000"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
KILL_EVERY_S = float(os.environ.get("SOAK_KILL_EVERY_S", "30"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
AFTER_THE_MONTH = datetime.fromisoformat("2026-12-05T09:00:00+07:00")
CATCH_UP_S = 900.0
"""A crowd of a hundred thousand is news to every reader of the feeds."""
NOT_READ_AGAIN = ("callbacks", "snap_external_ids")
"""Tables that no event fills; most of the bytes."""


@dataclass
class Diary:
    """One line a stage, with its figures; and everything that was not as it should be."""

    capture: pytest.CaptureFixture[str]
    wrong: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def stage(self, name: str, figures: str, wrong: Sequence[str] = ()) -> None:
        """End a stage; `wrong` fails the test at its end, after all other stages."""
        took_s = time.monotonic() - self._began
        self.wrong += wrong
        with self.capture.disabled():
            sys.stdout.write(f"{'FAIL' if wrong else 'ok  '} {name}: {figures} ({took_s:.1f} s)\n")
            sys.stdout.writelines(f"     {each}\n" for each in wrong)
            sys.stdout.flush()
        self._began = time.monotonic()

    @property
    def stage_s(self) -> float:
        """How long the present stage has lasted."""
        return time.monotonic() - self._began


@pytest.fixture
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of this test's own."""
    started = Platform(tmp_path_factory.mktemp("soak"))
    try:
        started.start()
        yield started
    finally:
        started.end()


async def test_a_long_day_among_kills_loses_nothing_and_doubles_nothing(
    lonely: Platform, databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diary = Diary(capsys)
    with lonely.business_time(AT):
        replies = await pay_in_a_storm(lonely, diary)
        diary.stage("books", *await look_at_books(lonely))
        diary.stage("payments", *await compare(lonely, replies))
        sources = [each for each in books.urls_of(lonely).items() if each[0] in replay.READERS]
        copies = copy_databases(databases, sources, tmp_path, without=NOT_READ_AGAIN)
        diary.stage(
            "feeds read again",
            f"{len(copies)} copies",
            await replay.differences(copies, lonely.keyring),
        )
    with lonely.business_time(AFTER_THE_MONTH):
        diary.stage("month closed", *await close_the_month(lonely))
        diary.stage("books", *await look_at_books(lonely))

    assert diary.wrong == []


async def pay_in_a_storm(platform: Platform, diary: Diary) -> list[tuple[Order, PaymentReply]]:
    sizes = Sizes(CALLBACKS)
    crowd = await new_crowd(platform, sizes.bills, seed=SEED)
    partners = Partners(platform.folder / FAKEBANK_FILE).all()
    orders = orders_of(sizes, crowd, partners, seed=SEED)
    caught_up = await books.caught_up(platform, patience_s=CATCH_UP_S)
    said = f"{len(crowd)} members with a bill, {len(partners)} banks, seed {SEED}"
    diary.stage("crowd", said, [] if caught_up else ["the feeds stand still"])

    storm = Storm(platform, every_s=KILL_EVERY_S, seed=SEED)
    raging = asyncio.create_task(storm.rage())
    async with own_bank(platform) as bank:
        replies = await pay_all(bank, orders, within_s=60 * MINUTES)
    storm.end()
    calls = sum(heard.calls for _, heard in replies)
    asked_again = sum(heard.times > 1 for _, heard in replies)
    said = (
        f"{calls} callbacks through the gateway, {calls / diary.stage_s:.0f}/s; "
        f"{asked_again} of {len(replies)} payments asked again; kills {dict(storm.kills)}"
    )
    await raging
    wrong = [f"{count} times answered {what}" for what, count in unexpected(replies).items()]
    diary.stage("payments among kills", said, wrong)
    return replies


async def look_at_books(platform: Platform) -> tuple[str, list[str]]:
    began = time.monotonic()
    caught_up = await books.caught_up(platform, patience_s=CATCH_UP_S)
    said = f"caught up after {time.monotonic() - began:.1f} s, then every check"
    late = [] if caught_up else await books.unread(books.urls_of(platform))
    return said, [*late, *await books.faults(platform)]


async def compare(
    platform: Platform, replies: list[tuple[Order, PaymentReply]]
) -> tuple[str, list[str]]:
    """Compare the replies to the banks with the books."""
    paid = Counter(
        (heard.request_id, order.customer.order_id, order.customer.amount)
        for order, heard in replies
        if heard.outcome == "paid"
    )
    question = "SELECT payment_request_id, order_id::text, amount FROM payments"
    async with platform.database("payment") as connection:
        booked = Counter(tuple(row) for row in await connection.fetch(question))
    kinds = Counter(str(order.kind) for order, _ in replies)
    lost, unknown = (paid - booked).total(), (booked - paid).total()
    wrong = [f"{lost} payments confirmed to a bank but not booked"] if lost else []
    wrong += [f"{unknown} payments booked without a confirmation to a bank"] if unknown else []
    wrong += [] if kinds[Kind.RIGHT] == booked.total() else ["not every right flag was booked"]
    return f"{booked.total()} booked of {dict(kinds)}", wrong


async def close_the_month(platform: Platform) -> tuple[str, list[str]]:
    closing: dict[str, Any] = {}

    async def is_closed() -> bool:
        closing.clear()
        closing.update(await close_month(platform, MONTH))
        return closing.get("status") == "done"

    closed = await until(is_closed, patience_s=CATCH_UP_S)
    said = f"{closing.get('statements_issued')} statements"
    return said, [] if closed else [f"{MONTH} cannot be closed: {closing.get('code')}"]
