"""Book transfers, and say what follows from them. Nothing here is ever changed or deleted."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from itertools import takewhile
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import queries, rules
from payment_service.ledger.models import Transfer
from payment_service.ledger.queries import Boundary
from payment_service.ledger.rules import (
    Account,
    AccountKind,
    Booked,
    Cause,
    Journal,
    LedgerBusy,
    TransferCode,
)
from payment_service.ledger.schemas import LedgerAccountOut, LedgerTransferOut
from perisai_kit.db.sql import CountedStatement, SqlStatement, execute
from perisai_kit.domain import clock
from perisai_kit.http.paging import Page, cut_page, parse_bigint, read_cursor

ACCOUNTS_OF_A_KIND = 100_000
EXPORTED_AT_ONCE = 1_000
RETRY_AFTER_S = 60
PAUSE_S, WAIT_S = 0.02, 1.0
"""Bookings end within milliseconds; a request that waits for one holds a connection."""


async def book(session: AsyncSession, rows: SqlStatement, *, code: TransferCode) -> None:
    """Book a transfer for every row of a query; see `book_statement`."""
    await execute(session, queries.insert_statement(rows, code=code, booked_at=clock.now()))


def book_statement(rows: CountedStatement, *, code: TransferCode) -> CountedStatement:
    """Return what books a transfer for every row of a query, with other statements.

    rows: `cause_id`, of a row that is inserted together with them; `debit_part` and `credit_part`,
    the parts of the accounts, whose kinds the code gives; `amount` in rupiah, > 0; `business_on`.
    """
    made = queries.insert_statement(rows, code=code, booked_at=clock.now())
    return CountedStatement(made.sql, made.args, count=rows.count)


async def transfer_rows(
    session: AsyncSession,
    rows: Select[Any],
    *,
    code: TransferCode,
    account: Account,
    business_on: date,
    is_anew: bool = False,
) -> None:
    """Book a transfer for every row of a query, in one statement.

    account: what all of them debit or credit, as the code says. rows: `cause_id`, for which nothing
    was booked under this code; `part`, the last part of the other account, whose kind the code
    gives; `amount` in rupiah, > 0. is_anew: what was booked for a cause may have been taken back;
    the caller keeps others from booking it too.
    """
    assert account.kind in rules.POSTINGS[code], "the code does not post this way"
    await queries.insert_transfers_of(
        session,
        rows,
        code=code,
        account=account,
        business_on=business_on,
        booked_at=clock.now(),
        is_anew=is_anew,
    )


async def correct(session: AsyncSession, booked: Booked, *, business_on: date) -> Transfer:
    """Take a booked transfer back in full by a transfer that names it. Twice is once."""
    return await queries.insert_once_correction(
        session, booked.id, business_on=business_on, booked_at=clock.now()
    )


async def list_accounts(
    session: AsyncSession, *, cursor: str | None, limit: int
) -> Page[LedgerAccountOut]:
    """Return every account that money has moved on, with its balance, by account."""
    sums = await queries.list_page(
        session,
        snapshot_id=await queries.latest_snapshot_id(session),
        after_account=read_cursor(cursor, str) or "",
        limit=limit + 1,
    )
    return cut_page(sums, limit, key=lambda each: each.account).page(
        lambda each: LedgerAccountOut.of(
            rules.Account.parse(each.account), debits=each.debits, credits=each.credits
        )
    )


async def list_balances(session: AsyncSession, kind: AccountKind) -> dict[Account, int]:
    """Return what the accounts of a kind owe, by account: credits less debits, in rupiah."""
    prefix = f"{kind}:"
    sums = await queries.list_page(
        session,
        snapshot_id=await queries.latest_snapshot_id(session),
        after_account=prefix,
        limit=ACCOUNTS_OF_A_KIND,
    )
    return {
        Account.parse(each.account): each.credits - each.debits
        for each in takewhile(lambda each: each.account.startswith(prefix), sums)
    }


async def list_transfers(
    session: AsyncSession,
    *,
    account: str | None,
    cause: Cause | None,
    cursor: str | None,
    limit: int,
    wait_s: float = WAIT_S,
) -> Page[LedgerTransferOut]:
    """Return transfers in the order of their booking.

    A page ends where an open transaction may still book; then its cursor leads on from there.
    wait_s: how long to wait for the end of such a transaction.
    Raises: AccountInvalid, CursorInvalid.
    """
    if account is not None:
        rules.Account.parse(account)
    after_id = read_cursor(cursor, parse_bigint) or 0
    chosen = partial(
        queries.list_transfers,
        session,
        after_id=after_id,
        limit=limit + 1,
        account=account,
        cause=cause,
    )
    # Complete are the transfers through the cursor, and those of a snapshot.
    through_id = max(after_id, await queries.latest_snapshot_id(session))
    rows, is_all = await chosen(through_id=through_id), False
    if len(rows) <= limit:
        boundary = await read_boundary(session)
        is_all = await wait_until_settled(session, boundary, wait_s=wait_s)
        through_id = boundary.last_id if is_all else through_id
        rows = await chosen(through_id=through_id)
    resume_at = None if is_all else through_id
    page = cut_page(rows, limit, key=lambda row: row.id, resume_at=resume_at)
    return page.page(LedgerTransferOut.model_validate)


async def list_of_cause(session: AsyncSession, cause: Cause) -> Sequence[Booked]:
    """Return all that was booked for a cause that nothing is being booked for."""
    return await queries.list_of_cause(session, cause)


async def sum_of_causes(
    session: AsyncSession, cause_ids: Collection[UUID], *, plus: TransferCode, minus: TransferCode
) -> dict[UUID, int]:
    """Return what was booked for causes under two codes, in rupiah; nothing for the others."""
    return await queries.sum_of_causes(session, cause_ids, plus=plus, minus=minus)


async def plan_export(
    session: AsyncSession,
    *,
    first_on: date | None = None,
    last_on: date | None = None,
    booked_through: datetime | None = None,
    bank_names: Mapping[str, str] | None = None,
    wait_s: float = WAIT_S,
) -> Journal:
    """Return what a journal of these business dates holds: every transfer there is by now.

    booked_through: only what was booked before this instant. bank_names: partner id → readable
    name of its accounts. Adds up every transfer.
    Raises: DaysReversed; LedgerBusy when somebody books for longer than `wait_s` seconds.
    """
    rules.check_days(first_on, last_on)
    boundary = await read_boundary(session)
    if not await wait_until_settled(session, boundary, wait_s=wait_s):
        raise LedgerBusy(retry_after_s=RETRY_AFTER_S)
    sums, ends_on = await queries.list_range_sums(
        session,
        through_id=boundary.last_id,
        first_on=first_on,
        begins_at=rules.begins_at(first_on),
        last_on=last_on,
        booked_through=booked_through,
    )
    return Journal(
        through_id=boundary.last_id,
        first_on=first_on,
        last_on=last_on,
        booked_through=booked_through,
        ends_on=last_on or max((day for day in (first_on, ends_on) if day), default=None),
        sums=sums,
        bank_names=bank_names or {},
    )


async def export(session: AsyncSession, journal: Journal) -> AsyncIterator[str]:
    """Yield the ledger as a plain-text accounting journal, a piece at a time.

    Opening balances, every transfer of the range, closing balances.
    """
    yield rules.journal_head(journal)
    after_id = 0
    while True:  # ends with the last transfer of the journal
        rows = await queries.list_transfers(
            session,
            after_id=after_id,
            through_id=journal.through_id,
            limit=EXPORTED_AT_ONCE,
            begins_at=rules.begins_at(journal.first_on),
            first_on=journal.first_on,
            last_on=journal.last_on,
            booked_through=journal.booked_through,
        )
        if not rows:
            break
        yield "".join(rules.journal_entry(row, first_on=journal.first_on) for row in rows)
        after_id = rows[-1].id
        session.expunge_all()
    yield rules.journal_end(journal)


async def read_boundary(session: AsyncSession) -> Boundary:
    """Return through which transfer nothing can be missing soon; `is_settled` tells when."""
    return await queries.read_boundary(session)


async def is_settled(session: AsyncSession, boundary: Boundary) -> bool:
    """Tell whether no transfer through a boundary can appear any more.

    Ids are given before commit. Nobody waits for this: where a transaction that books lasts long,
    it is false for so long.
    """
    return not boundary.writers & await queries.list_booking(session)


async def wait_until_settled(
    session: AsyncSession, boundary: Boundary, *, wait_s: float = WAIT_S
) -> bool:
    """Wait until a boundary is settled; tell whether it is after `wait_s` seconds."""
    is_over = not boundary.writers
    deadline = time.monotonic() + wait_s
    while not is_over and time.monotonic() < deadline:
        await asyncio.sleep(PAUSE_S)
        is_over = await is_settled(session, boundary)
    return is_over


async def take_snapshot(session: AsyncSession, boundary: Boundary) -> bool:
    """Store the sums of all accounts through a settled boundary; tell whether any was new.

    The snapshot before is kept for those who are just reading it; earlier ones are deleted.
    """
    latest = await queries.latest_snapshot_id(session)
    through_id = await queries.find_last_id(session, boundary.last_id)
    if through_id <= latest:
        return False
    await queries.insert_snapshot(
        session, snapshot_id=latest, through_id=through_id, taken_at=clock.now()
    )
    await queries.delete_snapshots(session, before_id=latest)
    return True


async def find_faults(session: AsyncSession) -> list[str]:
    """Return what is wrong with the books, one sentence each; nothing when they hold.

    Reads every transfer: for tests, audits and nights.
    """
    latest = await queries.latest_snapshot_id(session)
    quick, whole = [await queries.list_sums(session, snapshot_id=start) for start in (latest, 0)]
    debits, credits = sum(each.debits for each in whole), sum(each.credits for each in whole)
    odd_postings = await queries.count_odd_postings(session)
    odd_corrections = await queries.count_odd_corrections(session)
    checks = {
        f"debits {debits} and credits {credits} differ": debits != credits,
        "balances from the snapshot differ from the sums of all transfers": quick != whole,
        f"{odd_postings} transfers post what their code does not allow": odd_postings > 0,
        f"{odd_corrections} corrections do not mirror what they name": odd_corrections > 0,
    }
    return [fault for fault, found in checks.items() if found]
