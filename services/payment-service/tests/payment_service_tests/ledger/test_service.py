import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Select, literal, select, text, union_all
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import rules, service, tasks
from payment_service.ledger.rules import NewTransfer, TransferCode, TransferKeyReused
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

PARTNER = UUID(int=7)
BANK = f"bank_collection:{PARTNER}"
FORMAT = "%(account) %(total)"


def wanted(
    cause: int = 1, *, programme: str = "jkk", amount: int = 10_000, month: int = 11
) -> NewTransfer:
    when = Month(2026, month)
    return NewTransfer(
        debit=rules.bank_collection(PARTNER),
        credit=rules.bpjs_payable(programme, when),
        amount=amount,
        code=TransferCode.CONTRIBUTION_RECEIVED,
        key=f"payment:{cause}:{programme}:{when}",
        cause=f"payment:{cause}",
        business_on=date(2026, month, 5),
    )


async def balances(session: AsyncSession) -> dict[str, int]:
    page = await service.list_accounts(session, cursor=None, limit=200)
    return {item.account: item.balance for item in page.items}


async def test_a_transfer_moves_money_from_one_account_to_another(session: AsyncSession) -> None:
    booked = await service.transfer(session, wanted())

    assert (booked.amount, booked.code) == (10_000, "contribution_received")
    assert await balances(session) == {BANK: 10_000, "bpjs_payable:jkk:2026-11": 10_000}


async def test_the_same_transfer_twice_is_one_transfer(session: AsyncSession) -> None:
    first = await service.transfer(session, wanted())

    second = await service.transfer(session, wanted())

    assert second.id == first.id
    assert (await balances(session))[BANK] == 10_000


async def test_a_key_with_other_content_is_refused_and_says_what_differs(
    session: AsyncSession,
) -> None:
    await service.transfer(session, wanted())

    with pytest.raises(TransferKeyReused) as refused:
        await service.transfer(session, replace(wanted(), amount=9_999))

    assert refused.value.details == {"key": "payment:1:jkk:2026-11", "differs": ["amount"]}


def owed(**amounts: int) -> Select[Any]:
    """Return a query of what is owed to whom."""
    rows = [
        select(
            literal(f"statement:{who}").label("cause"),
            literal(who).label("part"),
            literal(amount, BigInteger).label("amount"),
        )
        for who, amount in amounts.items()
    ]
    each = union_all(*rows).subquery()
    return select(each.c.cause, each.c.part, each.c.amount)


async def test_a_query_is_booked_as_a_transfer_a_row(session: AsyncSession) -> None:
    await service.transfer_rows(
        session,
        owed(a=5, b=7),
        code=TransferCode.INCENTIVE_ACCRUED,
        account=rules.incentive_expense(Month(2026, 11)),
        business_on=date(2026, 11, 30),
    )

    assert await balances(session) == {
        "incentive_expense:2026-11": 12,
        "incentive_payable:a": 5,
        "incentive_payable:b": 7,
    }
    page = await service.list_transfers(
        session, account=None, cause="statement:b", cursor=None, limit=10
    )
    assert [(each.key, each.code) for each in page.items] == [
        ("statement:b:incentive_accrued", "incentive_accrued")
    ]
    assert await service.find_faults(session) == []


async def test_a_query_that_takes_back_is_booked_the_other_way_round(
    session: AsyncSession,
) -> None:
    await service.transfer_rows(
        session,
        owed(a=5, b=7),
        code=TransferCode.INCENTIVE_REVERSED,
        account=rules.incentive_expense(Month(2026, 11)),
        business_on=date(2026, 11, 30),
    )

    page = await service.list_transfers(
        session, account=None, cause="statement:b", cursor=None, limit=10
    )
    assert [(each.debit_account, each.credit_account, each.amount) for each in page.items] == [
        ("incentive_payable:b", "incentive_expense:2026-11", 7)
    ]
    assert await service.find_faults(session) == []


@pytest.mark.parametrize("amounts", [{"b": 1, "a": 5}, {"b": 1, "c": 0}], ids=str)
async def test_a_query_that_owes_again_or_nothing_books_nothing(
    session: AsyncSession, amounts: dict[str, int]
) -> None:
    async def book(**amounts: int) -> None:
        await service.transfer_rows(
            session,
            owed(**amounts),
            code=TransferCode.INCENTIVE_ACCRUED,
            account=rules.incentive_expense(Month(2026, 11)),
            business_on=date(2026, 11, 30),
        )

    await book(a=5)

    with pytest.raises(IntegrityError):
        async with session.begin_nested():
            await book(**amounts)

    assert await balances(session) == {"incentive_expense:2026-11": 5, "incentive_payable:a": 5}


async def test_many_transfers_are_booked_in_the_order_given(session: AsyncSession) -> None:
    many = [wanted(3), wanted(1), wanted(2, programme="jht"), wanted(1, programme="jkm")]
    known = await service.transfer(session, many[1])

    booked = await service.transfer_all(session, many)

    assert [each.key for each in booked] == [each.key for each in many]
    assert booked[1].id == known.id
    assert (await balances(session))[BANK] == 40_000


async def test_nothing_to_book_books_nothing(session: AsyncSession) -> None:
    assert await service.transfer_all(session, []) == []


async def test_a_correction_leaves_both_transfers_and_no_balance(session: AsyncSession) -> None:
    first = await service.transfer(session, wanted())

    back = await service.correct(session, first, business_on=date(2026, 12, 1))
    again = await service.correct(session, first, business_on=date(2026, 12, 1))

    assert back.correction_of == first.id
    assert again.id == back.id
    assert await balances(session) == {BANK: 0, "bpjs_payable:jkk:2026-11": 0}
    assert await service.find_faults(session) == []


async def test_balances_are_the_same_with_and_without_a_snapshot(session: AsyncSession) -> None:
    await service.transfer_all(session, [wanted(1), wanted(2), wanted(1, programme="jht")])
    before = await balances(session)

    taken = await service.take_snapshot(session, through_id=await service.boundary(session))
    await service.transfer(session, wanted(3, amount=500))

    assert taken
    assert (await balances(session))[BANK] == before[BANK] + 500
    assert await service.find_faults(session) == []


async def test_a_snapshot_of_nothing_new_is_not_taken(session: AsyncSession) -> None:
    await service.transfer(session, wanted())
    through_id = await service.boundary(session)

    assert await service.take_snapshot(session, through_id=through_id)
    assert not await service.take_snapshot(session, through_id=through_id)


async def test_later_snapshots_build_on_earlier_ones(session: AsyncSession) -> None:
    for cause in range(1, 4):
        await service.transfer(session, wanted(cause))
        await service.take_snapshot(session, through_id=await service.boundary(session))

    assert (await balances(session))[BANK] == 30_000
    assert await service.find_faults(session) == []


async def test_accounts_come_in_pages(session: AsyncSession) -> None:
    await service.transfer_all(session, [wanted(1, month=month) for month in (9, 10, 11)])

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
    await service.transfer_all(session, [wanted(1), wanted(1, programme="jkm"), wanted(11)])

    by_cause = await service.list_transfers(
        session, account=None, cause="payment:1", cursor=None, limit=10
    )
    by_account = await service.list_transfers(
        session, account="bpjs_payable:jkk:2026-11", cause=None, cursor=None, limit=10
    )

    assert {item.key for item in by_cause.items} == {
        "payment:1:jkk:2026-11",
        "payment:1:jkm:2026-11",
    }
    assert {item.cause for item in by_account.items} == {"payment:1", "payment:11"}


async def test_the_books_say_when_they_do_not_hold(session: AsyncSession) -> None:
    await session.execute(
        text(
            "INSERT INTO ledger_transfers (debit_account, credit_account, amount, code, key,"
            " cause, business_on, booked_at) VALUES ('bank_collection:1', 'operating_bank', 5,"
            " 'contribution_received', 'x:1', 'x', '2026-11-01', now())"
        )
    )

    faults = await service.find_faults(session)

    assert faults == ["1 transfers post what their code does not allow"]


async def test_a_snapshot_that_lies_is_found(session: AsyncSession) -> None:
    booked = await service.transfer(session, wanted())
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
        "DELETE FROM ledger_balance_snapshots",
    ],
)
async def test_the_running_service_cannot_change_the_books(
    session: AsyncSession, statement: str
) -> None:
    await service.transfer(session, wanted())

    with pytest.raises(DBAPIError, match="permission denied"):
        async with session.begin_nested():
            await session.execute(text(statement))


async def journal(session: AsyncSession) -> str:
    return "".join([piece async for piece in service.export(session, first_on=None, last_on=None)])


@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed")
async def test_hledger_reaches_the_same_balances(session: AsyncSession, tmp_path: Path) -> None:
    await service.transfer_all(
        session,
        [wanted(cause, programme=each) for cause in range(5) for each in ("jkk", "jkm", "jht")],
    )
    exported = tmp_path / "perisai.journal"
    exported.write_text(await journal(session))

    report = await asyncio.to_thread(
        subprocess.run,
        [
            "hledger",
            "-f",
            str(exported),
            "balance",
            "--flat",
            "--no-total",
            "--format",
            "%(account) %(total)",
        ],
        check=True,
        capture_output=True,
        text=True,
    )

    page = await service.list_accounts(session, cursor=None, limit=200)
    ours = {
        rules.journal_account(item.account): f"{item.debits - item.credits} IDR"
        for item in page.items
    }
    theirs = dict(line.strip().split(" ", 1) for line in report.stdout.splitlines())
    assert {account: amount.strip() for account, amount in theirs.items()} == ours


async def test_the_journal_can_be_cut_by_date(session: AsyncSession) -> None:
    await service.transfer_all(session, [wanted(1, month=month) for month in (9, 10, 11)])

    pieces = [
        piece
        async for piece in service.export(
            session, first_on=date(2026, 10, 1), last_on=date(2026, 10, 31)
        )
    ]

    assert "".join(pieces).count("contribution_received") == 1


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.mark.race
async def test_two_writers_of_one_key_book_it_once(own: Database) -> None:
    async def write() -> int:
        async with own.begin() as session:
            booked = await service.transfer_all(session, [wanted(1), wanted(1, programme="jht")])
            return booked[0].id

    ids = await asyncio.gather(*(write() for _ in range(8)))

    assert len(set(ids)) == 1
    async with own.read() as session:
        assert await balances(session) == {
            BANK: 20_000,
            "bpjs_payable:jht:2026-11": 10_000,
            "bpjs_payable:jkk:2026-11": 10_000,
        }


@pytest.mark.race
async def test_a_snapshot_misses_no_transfer_that_commits_later(own: Database) -> None:
    async with own.begin() as slow:
        await service.transfer(slow, wanted(1))  # takes the lower id, and is not committed yet
        async with own.begin() as quick:
            await service.transfer(quick, wanted(2))
        with pytest.raises(DBAPIError, match="lock timeout"):
            await tasks.every_hour(own)

    await tasks.every_hour(own)

    async with own.read() as session:
        assert (await balances(session))[BANK] == 20_000
        assert await service.find_faults(session) == []


@pytest.mark.race
async def test_snapshots_under_load_stay_right(own: Database) -> None:
    async def write(cause: int) -> None:
        async with own.begin() as session:
            await service.transfer(session, wanted(cause, amount=cause + 1))

    for start in range(0, 60, 20):
        await asyncio.gather(
            *(write(cause) for cause in range(start, start + 20)), tasks.every_hour(own)
        )

    async with own.read() as session:
        assert (await balances(session))[BANK] == sum(range(1, 61))
        assert await service.find_faults(session) == []
