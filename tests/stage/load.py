"""Many payments at once as banks make them: most of them right, some twice, some wrong."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from stage.customers import Customer, Payer, PaymentReply, pay_until_answered

from sandbox.fakebank.config import Partner
from snap_bi import virtual_account

REPEATED, WRONG, UNKNOWN = 0.05, 0.01, 0.01
"""Shares of all callbacks."""
AT_ONCE = 64
WRONG_BY = 1_000
NEVER_ISSUED = 10**9
"""A serial number that no bill will reach."""
AGAIN = ("repeat", "advise", "drop_answer")
"""The fake bank's ways of sending a flag a second time: the same, a new one, an answer lost."""


class Kind(StrEnum):
    RIGHT = "right"
    WRONG_AMOUNT = "wrong amount"
    UNKNOWN = "unknown account"


@dataclass(frozen=True)
class Order:
    """What a customer does at the bank. mode: how the flag is sent the first time."""

    kind: Kind
    customer: Customer
    mode: str = "ok"


@dataclass(frozen=True)
class Sizes:
    """How many callbacks of which sort there are."""

    callbacks: int

    @property
    def repeated(self) -> int:
        return round(self.callbacks * REPEATED)

    @property
    def wrong(self) -> int:
        return round(self.callbacks * WRONG)

    @property
    def unknown(self) -> int:
        return round(self.callbacks * UNKNOWN)

    @property
    def bills(self) -> int:
        """Those that are paid, and those for which a wrong amount is offered."""
        return self.callbacks - self.repeated - self.unknown


def orders_of(
    sizes: Sizes, crowd: Sequence[Customer], partners: Sequence[Partner], *, seed: int
) -> list[Order]:
    """Return what all customers do, in an order made by chance."""
    chance = Random(seed)
    wrong, right = crowd[: sizes.wrong], crowd[sizes.wrong :]
    orders = [
        Order(Kind.WRONG_AMOUNT, replace(each, amount=each.amount + WRONG_BY)) for each in wrong
    ]
    for place in range(sizes.unknown):
        partner = chance.choice(partners)
        account = virtual_account.issue(
            partner.entry.company_code, NEVER_ISSUED + place, partner.profile
        )
        nobody = replace(crowd[0], number=account.number)
        orders.append(Order(Kind.UNKNOWN, nobody))
    modes = ["ok"] * (len(right) - sizes.repeated)
    modes += [chance.choice(AGAIN) for _ in range(sizes.repeated)]
    orders += [Order(Kind.RIGHT, *each) for each in zip(right, modes, strict=True)]
    chance.shuffle(orders)
    return orders


async def pay_all(
    bank: Payer, orders: Sequence[Order], *, within_s: float
) -> list[tuple[Order, PaymentReply]]:
    """Let each be paid until the bank knows; so many at a time, and no new one after so long."""
    replies: list[tuple[Order, PaymentReply]] = []
    waiting = iter(enumerate(orders))
    ends = time.monotonic() + within_s

    async def work() -> None:
        for place, order in waiting:
            if time.monotonic() > ends:
                return
            heard = await pay_until_answered(
                bank, order.customer, new_external_ids=place % 2 == 0, first_mode=order.mode
            )
            replies.append((order, heard))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return replies


def unexpected(replies: Sequence[tuple[Order, PaymentReply]]) -> Counter[str]:
    """Count the wrong replies to a bank by kind, reading and code."""
    wanted = {Kind.RIGHT: "paid", Kind.WRONG_AMOUNT: "not paid", Kind.UNKNOWN: "not paid"}
    return Counter(
        f"{order.kind}: {heard.outcome} {heard.code}"
        for order, heard in replies
        if wanted[order.kind] != ("paid" if heard.outcome == "paid" else "not paid")
        or (order.kind is not Kind.RIGHT and heard.outcome not in ("rejected", "reversed"))
    )
