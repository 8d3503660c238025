import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.ledger.contributions import BANK, Received, balances, book
from sqlalchemy import BigInteger, Select, Uuid, literal, select, text, union_all
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import rules, service
from payment_service.ledger.rules import Cause, CauseKind, TransferCode
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month


async def test_a_transfer_moves_money_from_one_account_to_another(session: AsyncSession) -> None:
    (booked,) = await book(session, Received())

    assert (booked.amount, booked.code) == (10_000, "contribution_received")
    assert str(booked.cause) == f"allocation:{UUID(int=1)}"
    assert await balances(session) == {BANK: 10_000, "bpjs_payable:jkk:2026-11": 10_000}


A, B, C = UUID(int=10), UUID(int=11), UUID(int=12)


def owed(amounts: Mapping[UUID, int]) -> Select[Any]:
    """Return a query of what statements owe: statement → rupiah."""
    rows = [
        select(
            literal(statement_id, Uuid).label("cause_id"),
            literal(str(statement_id.int)).label("part"),
            literal(amount, BigInteger).label("amount"),
        )
        for statement_id, amount in amounts.items()
    ]
    each = union_all(*rows).subquery()
    return select(each.c.cause_id, each.c.part, each.c.amount)


async def test_a_query_is_booked_as_a_transfer_a_row(session: AsyncSession) -> None:
    await service.transfer_rows(
        session,
        owed({A: 5, B: 7}),
        code=TransferCode.INCENTIVE_ACCRUED,
        account=rules.incentive_expense(Month(2026, 11)),
        business_on=date(2026, 11, 30),
    )

    assert await balances(session) == {
        "incentive_expense:2026-11": 12,
        "incentive_payable:10": 5,
        "incentive_payable:11": 7,
    }
    page = await service.list_transfers(
        session, account=None, cause=Cause(CauseKind.STATEMENT, B), cursor=None, limit=10
    )
    assert [(each.cause, each.code, each.amount) for each in page.items] == [
        (f"statement:{B}", "incentive_accrued", 7)
    ]
    assert await service.find_faults(session) == []


async def test_a_query_that_takes_back_is_booked_the_other_way_round(
    session: AsyncSession,
) -> None:
    await service.transfer_rows(
        session,
        owed({A: 5, B: 7}),
        code=TransferCode.INCENTIVE_REVERSED,
        account=rules.incentive_expense(Month(2026, 11)),
        business_on=date(2026, 11, 30),
    )

    page = await service.list_transfers(
        session, account=None, cause=Cause(CauseKind.STATEMENT, B), cursor=None, limit=10
    )
    assert [(each.debit_account, each.credit_account, each.amount) for each in page.items] == [
        ("incentive_payable:11", "incentive_expense:2026-11", 7)
    ]
    assert await service.find_faults(session) == []


@pytest.mark.parametrize("amounts", [{B: 1, A: 5}, {B: 1, C: 0}], ids=["again", "nothing"])
async def test_a_query_that_owes_again_or_nothing_books_nothing(
    session: AsyncSession, amounts: dict[UUID, int]
) -> None:
    async def book_owed(amounts: dict[UUID, int]) -> None:
        await service.transfer_rows(
            session,
            owed(amounts),
            code=TransferCode.INCENTIVE_ACCRUED,
            account=rules.incentive_expense(Month(2026, 11)),
            business_on=date(2026, 11, 30),
        )

    await book_owed({A: 5})

    with pytest.raises(IntegrityError):
        async with session.begin_nested():
            await book_owed(amounts)

    assert await balances(session) == {"incentive_expense:2026-11": 5, "incentive_payable:10": 5}


async def test_a_correction_leaves_both_transfers_and_no_balance(session: AsyncSession) -> None:
    (first,) = await book(session, Received())

    back = await service.correct(session, first, business_on=date(2026, 12, 1))
    again = await service.correct(session, first, business_on=date(2026, 12, 1))

    assert (back.correction_of, back.cause, back.amount) == (first.id, first.cause, 10_000)
    assert again.id == back.id
    assert await balances(session) == {BANK: 0, "bpjs_payable:jkk:2026-11": 0}
    assert await service.find_faults(session) == []


async def test_a_correction_can_itself_be_corrected(session: AsyncSession) -> None:
    (first,) = await book(session, Received())
    back = await service.correct(session, first, business_on=date(2026, 12, 1))

    again = await service.correct(session, back, business_on=date(2026, 12, 2))

    assert (again.debit_account, again.credit_account) == (BANK, "bpjs_payable:jkk:2026-11")
    assert (await balances(session))[BANK] == 10_000
    assert await service.find_faults(session) == []


async def test_balances_are_the_same_with_and_without_a_snapshot(session: AsyncSession) -> None:
    await book(session, Received(1), Received(2), Received(1, "jht"))
    before = await balances(session)

    taken = await service.take_snapshot(session, await service.read_boundary(session))
    await book(session, Received(3, amount=500))

    assert taken
    assert (await balances(session))[BANK] == before[BANK] + 500
    assert await service.find_faults(session) == []


async def test_a_snapshot_of_nothing_new_is_not_taken(session: AsyncSession) -> None:
    await book(session, Received())
    boundary = await service.read_boundary(session)

    assert await service.take_snapshot(session, boundary)
    assert not await service.take_snapshot(session, boundary)


async def test_later_snapshots_build_on_earlier_ones(session: AsyncSession) -> None:
    for cause in range(1, 4):
        await book(session, Received(cause))
        await service.take_snapshot(session, await service.read_boundary(session))

    assert (await balances(session))[BANK] == 30_000
    assert await service.find_faults(session) == []


async def test_accounts_come_in_pages(session: AsyncSession) -> None:
    await book(session, *(Received(1, month=month) for month in (9, 10, 11)))

    first = await service.list_accounts(session, cursor=None, limit=3)
    rest = await service.list_accounts(session, cursor=first.next_cursor, limit=3)

    assert [item.account for item in [*first.items, *rest.items]] == [
        BANK,
        "bpjs_payable:jkk:2026-09",
        "bpjs_payable:jkk:2026-10",
        "bpjs_payable:jkk:2026-11",
    ]
    assert rest.next_cursor is None


async def test_transfers_can_be_asked_for_by_account_and_by_cause(session: AsyncSession) -> None:
    await book(session, Received(1), Received(1, "jkm"), Received(11))

    by_cause = await service.list_transfers(
        session, account=None, cause=Cause(CauseKind.ALLOCATION, UUID(int=1)), cursor=None, limit=10
    )
    by_account = await service.list_transfers(
        session, account="bpjs_payable:jkk:2026-11", cause=None, cursor=None, limit=10
    )

    assert {item.credit_account for item in by_cause.items} == {
        "bpjs_payable:jkk:2026-11",
        "bpjs_payable:jkm:2026-11",
    }
    assert {item.cause for item in by_account.items} == {
        f"allocation:{UUID(int=1)}",
        f"allocation:{UUID(int=11)}",
    }


async def test_the_books_say_when_they_do_not_hold(session: AsyncSession) -> None:
    await session.execute(
        text(
            "INSERT INTO ledger_transfers (debit_account, credit_account, amount, code,"
            " cause_kind, cause_id, business_on, booked_at) VALUES ('bank_collection:1',"
            " 'operating_bank', 5, 'contribution_received', 'allocation', gen_random_uuid(),"
            " '2026-11-01', now())"
        )
    )

    faults = await service.find_faults(session)

    assert faults == ["1 transfers post what their code does not allow"]


async def test_a_snapshot_that_lies_is_found(session: AsyncSession) -> None:
    (booked,) = await book(session, Received())
    await session.execute(
        text(
            "INSERT INTO ledger_balance_snapshots (through_id, account, debits, credits, taken_at)"
            " VALUES (:through_id, :account, 1, 0, now())"
        ),
        {"through_id": booked.id, "account": BANK},
    )

    faults = await service.find_faults(session)

    assert faults == ["balances from the snapshot differ from the sums of all transfers"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfers SET amount = amount + 1",
        "DELETE FROM ledger_transfers",
        "TRUNCATE ledger_transfers",
        "UPDATE ledger_balance_snapshots SET debits = 0",
    ],
)
async def test_the_running_service_cannot_change_the_books(
    session: AsyncSession, statement: str
) -> None:
    await book(session, Received())

    with pytest.raises(DBAPIError, match="permission denied"):
        async with session.begin_nested():
            await session.execute(text(statement))


@pytest.mark.race
async def test_two_corrections_of_one_transfer_are_one(own: Database) -> None:
    async with own.begin() as session:
        (first,) = await book(session, Received())

    async def take_back() -> int:
        async with own.begin() as session:
            back = await service.correct(session, first, business_on=date(2026, 12, 1))
            return back.id

    ids = await asyncio.gather(*(take_back() for _ in range(8)))

    assert len(set(ids)) == 1
    async with own.read() as session:
        assert (await balances(session))[BANK] == 0
