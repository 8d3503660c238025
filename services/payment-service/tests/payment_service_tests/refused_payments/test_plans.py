"""Lists and counts of refused payments read their index, whatever is asked."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.plans import PARTNERS
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.days import Days
from payment_service.refused_payments import queries
from payment_service.refused_payments.rules import RefusedStatus
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plans import list_whole_reads

TODAY = clock.today()
DAYS = Days(TODAY - timedelta(30), TODAY)


def only_large(tables: set[str]) -> set[str]:
    """Return the partitions of messages, orders and bills among them; of banks there are few."""
    return {each for each in tables if each.startswith(("callbacks", "orders", "bills"))}


@pytest.mark.parametrize("status", [None, *RefusedStatus])
@pytest.mark.parametrize("partner_id", [None, PARTNERS[1]], ids=["all banks", "one bank"])
@pytest.mark.parametrize("before", [None, (clock.real_now(), new_id())], ids=["first", "next"])
async def test_no_list_of_refused_payments_reads_all_messages(
    filled: AsyncSession, status: RefusedStatus | None, partner_id: UUID | None, before: Any
) -> None:
    listed = queries.list_refused(
        filled, DAYS, partner_id=partner_id, status=status, before=before, limit=51
    )

    assert only_large(await list_whole_reads(filled, listed)) == set()


async def test_the_count_and_the_bills_of_refused_payments_read_indexes(
    filled: AsyncSession,
) -> None:
    counted = await list_whole_reads(filled, queries.count_open(filled, DAYS))
    bills = await list_whole_reads(filled, queries.list_bills(filled, [new_id(), new_id()]))

    assert only_large(counted) == set()
    assert only_large(bills) == set()
