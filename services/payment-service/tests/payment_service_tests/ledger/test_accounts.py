"""The accounts of the ledger, page by page, from the latest snapshot and what came after it."""

from collections import defaultdict
from random import Random

from payment_service_tests.ledger.contributions import Received, book
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import service
from payment_service.ledger.models import Transfer
from payment_service.ledger.rules import AccountKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plans import count_read

ACCOUNTS, LATER = 5_000, 1_000
LIMIT = 50


async def add_up(session: AsyncSession) -> dict[str, tuple[int, int]]:
    """Add up every transfer by account: debits and credits."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in await session.scalars(select(Transfer)):
        sums[each.debit_account][0] += each.amount
        sums[each.credit_account][1] += each.amount
    return {account: (sums[account][0], sums[account][1]) for account in sorted(sums)}


async def read_pages(session: AsyncSession, *, limit: int) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    cursor = None
    for _ in range(200):
        page = await service.list_accounts(session, cursor=cursor, limit=limit)
        found |= {each.account: (each.debits, each.credits) for each in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit
    raise AssertionError("more pages than expected")


async def test_the_pages_are_the_sums_of_all_transfers(session: AsyncSession) -> None:
    random, partners = Random(1), [new_id() for _ in range(3)]
    for round_no in range(5):
        received = [
            Received(
                100 * round_no + each,
                random.choice(("jkk", "jkm", "jht")),
                random.randrange(1, 50_000),
                random.randrange(1, 13),
                random.choice(partners),
            )
            for each in range(random.randrange(1, 12))
        ]
        (first, *_) = await book(session, *received)
        # Before the first snapshot, after one, and with accounts that none has yet.
        if round_no % 2:
            await service.take_snapshot(session, await service.read_boundary(session))
        await service.correct(session, first, business_on=first.business_on)

        expected = await add_up(session)
        for limit in (1, 7, 200):
            found = await read_pages(session, limit=limit)
            assert list(found.items()) == list(expected.items())


async def test_the_balances_of_a_kind_are_those_of_its_accounts(session: AsyncSession) -> None:
    await book(session, Received(1), Received(2, "jht", 700, 10), Received(3, "jht", 5, 11))
    await service.take_snapshot(session, await service.read_boundary(session))
    await book(session, Received(4, "jht", 30, 11))

    balances = await service.list_balances(session, AccountKind.BPJS_PAYABLE)

    assert {str(account): balance for account, balance in balances.items()} == {
        "bpjs_payable:jht:2026-10": 700,
        "bpjs_payable:jht:2026-11": 35,
        "bpjs_payable:jkk:2026-11": 10_000,
    }


_FILL = """
    INSERT INTO ledger_transfers (debit_account, credit_account, amount, code, cause_kind, cause_id,
                                  business_on, booked_at)
    SELECT {debit}, {credit}, n, '{code}', 'statement', gen_random_uuid(), '2026-11-05', now()
    FROM generate_series(1, :count) AS n
"""
ACCRUED = {
    "debit": "'incentive_expense:2026-11'",
    "credit": "'incentive_payable:' || md5(n::text)::uuid",
    "code": "incentive_accrued",
}
RECEIVED = {
    "debit": "'bank_collection:' || md5('bank')::uuid",
    "credit": "'bpjs_payable:jkk:2026-11'",
    "code": "contribution_received",
}


async def test_a_page_reads_its_own_accounts_alone(session: AsyncSession) -> None:
    await session.execute(text(_FILL.format(**ACCRUED)), {"count": ACCOUNTS})
    await service.take_snapshot(session, await service.read_boundary(session))
    await session.execute(text(_FILL.format(**RECEIVED)), {"count": LATER})
    first = await service.list_accounts(session, cursor=None, limit=LIMIT)

    reads = [
        await count_read(session, service.list_accounts(session, cursor=cursor, limit=LIMIT))
        for cursor in (None, first.next_cursor)
    ]

    # Of each account its name on both sides, and its sums; and what is later than the snapshot.
    assert all(read <= 2 * LATER + 6 * LIMIT for read, _ in reads), reads
    assert [whole for _, whole in reads] == [set(), set()]
