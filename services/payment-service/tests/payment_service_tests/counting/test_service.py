"""Where beneficiaries belong, whatever order the feeds have, and what a batch costs."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from payment_service_tests.village import (
    FAR_AHEAD,
    Village,
    apply_events,
    book,
    noon,
    read_until,
)
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service as commissions
from payment_service.counting.models import Beneficiary
from payment_service.counting.service import AGENTS
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)


@pytest.mark.parametrize("seed", range(4))
async def test_beneficiaries_belong_where_the_best_word_says_in_any_order(
    session: AsyncSession, seed: int
) -> None:
    chance = random.Random(seed)
    village, only_answered = Village(), new_id()
    payments = [village.settle(NOVEMBER.plus(ahead)) for ahead in range(3)]
    for number, payment in enumerate(payments):
        village.extend(payment, branch_code=f"X{number}", region_code="XXX")
        village.extend(payment, answer_no=2, branch_code=f"Y{number}", wadah_id=only_answered)
    village.branch_code, old = "MKS", village.decided[0]
    moved = village.reinstate(noon(NOVEMBER))
    events = [*village.answered, old, moved, village.suspend(noon(NOVEMBER, 2))]
    chance.shuffle(events)

    await apply_events(session, events, at_once=chance.choice([1, 2, 9]))

    found = {row.beneficiary_id: row for row in await session.scalars(select(Beneficiary))}
    places = {id_: (row.beneficiary_kind, row.branch_code) for id_, row in found.items()}
    assert places == {
        village.agent_id: ("agent", "MKS"),
        village.wadah_id: ("wadah", "MKS"),
        only_answered: ("wadah", "Y2"),
    }


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Note the SQL statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_a_batch_takes_few_statements_however_long_it_is(
    session: AsyncSession, database: Database
) -> None:
    villages = [Village() for _ in range(10)]
    lengths = [3, 300]  # with the second each agent reaches the threshold
    taken = []
    await apply_events(session, [event for each in villages for event in each.decided])
    await read_until(session, FAR_AHEAD, AGENTS)
    for length in lengths:
        start = [len(each.settled) for each in villages]
        for place in range(length):
            villages[place % 10].pay(NOVEMBER)
        settled = [
            one for each, known in zip(villages, start, strict=True) for one in each.settled[known:]
        ]
        answered = [
            one
            for each, known in zip(villages, start, strict=True)
            for one in each.answered[known:]
        ]
        await book(session, settled)
        with counted(database) as sent:
            await apply_events(session, settled)
            await apply_events(session, answered)
            await commissions.compute_due(session, 500)
        taken.append(len(sent))

    assert max(taken) <= 30  # with the setting that lets PostgreSQL find rows by indexes only
