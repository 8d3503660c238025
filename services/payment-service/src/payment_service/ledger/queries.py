from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Select,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.ledger.models import BalanceSnapshot, Posting, Transfer
from payment_service.ledger.rules import (
    CAUSES,
    POSTINGS,
    Account,
    Cause,
    RangeSums,
    TransferCode,
    posting_pairs,
)
from perisai_kit.db.bulk import any_id
from perisai_kit.db.locks import list_writers
from perisai_kit.db.sql import SqlStatement, execute


@dataclass(frozen=True, slots=True)
class Sums:
    """What went in and out of one account since the beginning, in rupiah."""

    account: str
    debits: int
    credits: int


_LAST_ID = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger_transfers_id_seq"


@dataclass(frozen=True, slots=True)
class Boundary:
    """All transfers through `last_id` are there once the transactions of `writers` have ended."""

    last_id: int
    writers: frozenset[str]


def insert_statement(
    rows: SqlStatement, *, code: TransferCode, booked_at: datetime
) -> SqlStatement:
    """Return what inserts a transfer for every row of a query; see `service.book_statement`."""
    sql = _insert_rows(code, rows.sql, len(rows.args) + 1)
    return SqlStatement(sql, (*rows.args, booked_at))


@lru_cache(maxsize=16)
def _insert_rows(code: TransferCode, rows: str, booked_at: int) -> str:
    debit, credit = POSTINGS[code]
    return f"""
        INSERT INTO ledger_transfers (
            debit_account, credit_account, amount, code, cause_kind, cause_id, business_on,
            booked_at
        )
        SELECT '{debit}:' || debit_part, '{credit}:' || credit_part, amount, '{code}',
               '{CAUSES[code]}', cause_id, business_on, ${booked_at}
        FROM ({rows}) AS moved
        RETURNING id
    """  # noqa: S608 - our own names and a query of ours


async def insert_transfers_of(
    session: AsyncSession,
    rows: Select[Any],
    *,
    code: TransferCode,
    account: Account,
    business_on: date,
    booked_at: datetime,
    is_anew: bool,
) -> None:
    """Insert a transfer for every row of a query, and that its cause is booked.

    rows: columns cause_id, part, amount. account: the one side of all; part: of the account on the
    other side. is_anew: also where all that was booked under the code was taken back.
    """
    each = rows.subquery("owed")
    posted = select(each.c.cause_id, literal(str(code)))
    if is_anew:
        posted = posted.where(~_was_taken_back(each.c.cause_id, code))
    await session.execute(insert(Posting).from_select(["cause_id", "code"], posted))
    debit, credit = (
        literal(str(account)) if kind is account.kind else func.concat(f"{kind}:", each.c.part)
        for kind in POSTINGS[code]
    )
    columns = {
        "debit_account": debit,
        "credit_account": credit,
        "amount": each.c.amount,
        "code": literal(str(code)),
        "cause_kind": literal(str(CAUSES[code])),
        "cause_id": each.c.cause_id,
        "business_on": literal(business_on),
        "booked_at": literal(booked_at),
    }
    moved = select(*columns.values())
    await session.execute(insert(Transfer).from_select(list(columns), moved))


def _was_taken_back(cause_id: ColumnElement[Any], code: TransferCode) -> ColumnElement[bool]:
    """Return whether transfers of a cause under a code were booked, and all were taken back."""
    correction = aliased(Transfer)
    booked = exists().where(Transfer.cause_id == cause_id, Transfer.code == str(code))
    is_corrected = exists().where(correction.correction_of == Transfer.id)
    return booked & ~booked.where(~is_corrected)


async def insert_once_correction(
    session: AsyncSession, transfer_id: int, *, business_on: date, booked_at: datetime
) -> Transfer:
    """Insert what takes a transfer back, and return it, or what did so before."""
    columns = {
        "debit_account": Transfer.credit_account,
        "credit_account": Transfer.debit_account,
        "amount": Transfer.amount,
        "code": literal(str(TransferCode.CORRECTION)),
        "cause_kind": Transfer.cause_kind,
        "cause_id": Transfer.cause_id,
        "business_on": literal(business_on),
        "booked_at": literal(booked_at),
        "correction_of": Transfer.id,
    }
    taken_back = select(*columns.values()).where(Transfer.id == transfer_id)
    new = insert(Transfer).from_select(list(columns), taken_back)
    await session.execute(new.on_conflict_do_nothing())
    # A statement of its own: it sees what a writer committed whom this one had to wait for.
    chosen = select(Transfer).where(Transfer.correction_of == transfer_id)
    return (await session.scalars(chosen)).one()


async def list_transfers(
    session: AsyncSession,
    *,
    after_id: int,
    through_id: int,
    limit: int,
    account: str | None = None,
    cause: Cause | None = None,
    begins_at: datetime | None = None,
    first_on: date | None = None,
    last_on: date | None = None,
    booked_through: datetime | None = None,
) -> Sequence[Transfer]:
    """Return transfers in the order of their booking.

    first_on, begins_at: also those dated before the first day that were booked later than it began.
    """
    conditions: list[ColumnElement[bool]] = [Transfer.id > after_id, Transfer.id <= through_id]
    if account is not None:
        conditions.append(
            or_(Transfer.debit_account == account, Transfer.credit_account == account)
        )
    if cause is not None:
        conditions += [Transfer.cause_id == cause.id, Transfer.cause_kind == cause.kind]
    if first_on is not None and begins_at is not None:
        late = Transfer.booked_at >= begins_at
        conditions.append(or_(Transfer.business_on >= first_on, late))
    if last_on is not None:
        conditions.append(Transfer.business_on <= last_on)
    if booked_through is not None:
        conditions.append(Transfer.booked_at < booked_through)
    statement = select(Transfer).where(*conditions).order_by(Transfer.id).limit(limit)
    return (await session.scalars(statement)).all()


async def list_of_cause(session: AsyncSession, cause: Cause) -> Sequence[Transfer]:
    """Return all that was booked for a cause, in the order of booking."""
    conditions = (Transfer.cause_id == cause.id, Transfer.cause_kind == cause.kind)
    statement = select(Transfer).where(*conditions).order_by(Transfer.id)
    return (await session.scalars(statement)).all()


async def sum_of_causes(
    session: AsyncSession, cause_ids: Collection[UUID], *, plus: TransferCode, minus: TransferCode
) -> dict[UUID, int]:
    """Return what was booked for causes under two codes, in rupiah; nothing for the others."""
    signed = case((Transfer.code == plus, Transfer.amount), else_=-Transfer.amount)
    statement = (
        select(Transfer.cause_id, cast(func.sum(signed), BigInteger).label("amount"))
        .where(Transfer.cause_id == any_id(cause_ids), Transfer.code.in_([plus, minus]))
        .group_by(Transfer.cause_id)
    )
    return {row.cause_id: row.amount for row in await session.execute(statement)}


async def latest_snapshot_id(session: AsyncSession) -> int:
    """Return the last transfer that the latest snapshot holds; 0 when there is none."""
    latest = select(func.coalesce(func.max(BalanceSnapshot.through_id), 0))
    return (await session.scalars(latest)).one()


def _next_account(after: str) -> str:
    """Return SQL for the account that follows another: one look into an index for each side."""
    sides = (
        f"(SELECT {side} FROM ledger_transfers WHERE {side} > {after} ORDER BY {side} LIMIT 1)"  # noqa: S608 - our own names
        for side in ("debit_account", "credit_account")
    )
    return f"least({', '.join(sides)})"


def _sum_later(side: str) -> str:
    """Return SQL for what was booked on one side of each account after the snapshot."""
    return f"""SELECT {side} AS account, sum(amount) AS amount FROM ledger_transfers
        WHERE id > $1 GROUP BY {side}"""  # noqa: S608 - our own names


_PAGE = f"""
    WITH RECURSIVE named AS (
        SELECT {_next_account("$2::text")} AS account, 1 AS place
        UNION ALL
        SELECT {_next_account("named.account")}, place + 1 FROM named
        WHERE named.account IS NOT NULL AND place < $3
    ), debited AS ({_sum_later("debit_account")}), credited AS ({_sum_later("credit_account")})
    SELECT account, (coalesce(kept.debits, 0) + coalesce(debited.amount, 0))::bigint,
           (coalesce(kept.credits, 0) + coalesce(credited.amount, 0))::bigint
    FROM named LEFT JOIN debited USING (account) LEFT JOIN credited USING (account)
    LEFT JOIN LATERAL (SELECT debits, credits FROM ledger_balance_snapshots AS snapshot
                       WHERE through_id = $1 AND snapshot.account = named.account LIMIT 1
    ) AS kept ON true
    WHERE account IS NOT NULL ORDER BY account
"""  # noqa: S608 - our own names


async def list_page(
    session: AsyncSession, *, snapshot_id: int, after_account: str, limit: int
) -> Sequence[Sums]:
    """Return the sums of the next accounts, by account: that snapshot and what came after it.

    Reads these accounts alone, however many there are, and what is later than the snapshot.
    """
    page = SqlStatement(_PAGE, (snapshot_id, after_account, limit))
    return [Sums(*row) for row in await execute(session, page)]


async def list_sums(session: AsyncSession, *, snapshot_id: int) -> Sequence[Sums]:
    """Return the sums of every account as `list_page` does; snapshot_id 0: of all transfers."""
    each = _movements(snapshot_id).subquery()
    statement = (
        select(each.c.account, _total(each.c.debits), _total(each.c.credits))
        .group_by(each.c.account)
        .order_by(each.c.account)
    )
    return [Sums(*row) for row in await session.execute(statement)]


async def list_range_sums(
    session: AsyncSession,
    *,
    through_id: int,
    first_on: date | None,
    begins_at: datetime | None,
    last_on: date | None,
    booked_through: datetime | None = None,
) -> tuple[list[RangeSums], date | None]:
    """Return the sums of each account, by account, and the last business date there is.

    Opening: dated before `first_on` and booked before `begins_at`. Closing: dated through
    `last_on`. Both: booked before `booked_through`.
    """
    conditions = [Transfer.id <= through_id]
    if last_on is not None:
        conditions.append(Transfer.business_on <= last_on)
    if booked_through is not None:
        conditions.append(Transfer.booked_at < booked_through)
    when = Transfer.business_on.label("business_on"), Transfer.booked_at.label("booked_at")
    debited = select(Transfer.debit_account.label("account"), Transfer.amount.label("moved"), *when)
    credited = select(Transfer.credit_account, -Transfer.amount, *when)
    each = union_all(debited.where(*conditions), credited.where(*conditions)).subquery()
    opening: ColumnElement[int] = literal(0, BigInteger)
    if first_on is not None and begins_at is not None:
        before = (each.c.business_on < first_on) & (each.c.booked_at < begins_at)
        opening = func.coalesce(_total(each.c.moved, before), 0)
    rows = await session.execute(
        select(each.c.account, opening, _total(each.c.moved), func.max(each.c.business_on))
        .group_by(each.c.account)
        .order_by(each.c.account)
    )
    sums, days = [], []
    for account, opened, closed, last in rows:
        sums.append(RangeSums(account, opened, closed))
        days.append(last)
    return sums, max(days, default=None)


async def read_boundary(session: AsyncSession) -> Boundary:
    """Return the last id given, and the transactions that may still insert a lower one.

    In this order and in two statements: a transaction that locks the table between them gets later
    ids only. On the primary: a standby shows no locks of writers, and its sequence runs ahead.
    """
    last_id = (await session.scalars(text(_LAST_ID))).one()
    return Boundary(last_id, await list_booking(session))


async def list_booking(session: AsyncSession) -> frozenset[str]:
    """Return the other transactions that have booked, or are about to."""
    return await list_writers(session, Transfer.__tablename__)


async def find_last_id(session: AsyncSession, through_id: int) -> int:
    """Return the highest id there is through another; 0 where there is none."""
    last = select(func.coalesce(func.max(Transfer.id), 0)).where(Transfer.id <= through_id)
    return (await session.scalars(last)).one()


async def delete_snapshots(session: AsyncSession, *, before_id: int) -> None:
    """Delete the snapshots of earlier boundaries."""
    await session.execute(delete(BalanceSnapshot).where(BalanceSnapshot.through_id < before_id))


async def insert_snapshot(
    session: AsyncSession, *, snapshot_id: int, through_id: int, taken_at: datetime
) -> None:
    """Insert the sums through a boundary, from the previous snapshot; a repeat changes nothing."""
    each = _movements(snapshot_id, through_id).subquery()
    sums = select(
        literal(through_id, BigInteger),
        each.c.account,
        _total(each.c.debits),
        _total(each.c.credits),
        literal(taken_at, DateTime(timezone=True)),
    ).group_by(each.c.account)
    columns = ["through_id", "account", "debits", "credits", "taken_at"]
    await session.execute(
        insert(BalanceSnapshot).from_select(columns, sums).on_conflict_do_nothing()
    )


async def count_odd_postings(session: AsyncSession) -> int:
    """Count the transfers whose code does not allow their kinds of account."""
    posting = tuple_(
        Transfer.code,
        func.split_part(Transfer.debit_account, ":", 1),
        func.split_part(Transfer.credit_account, ":", 1),
    )
    allowed = [tuple(str(part) for part in pair) for pair in posting_pairs()]
    odd = select(func.count()).select_from(Transfer).where(posting.not_in(allowed))
    return (await session.scalars(odd)).one()


async def count_odd_corrections(session: AsyncSession) -> int:
    """Count the corrections that do not take back exactly what they name."""
    first = aliased(Transfer)
    mirrored = tuple_(first.amount, first.credit_account, first.debit_account)
    booked = tuple_(Transfer.amount, Transfer.debit_account, Transfer.credit_account)
    pairs = select(func.count()).join_from(Transfer, first, first.id == Transfer.correction_of)
    return (await session.scalars(pairs.where(booked != mirrored))).one()


def _total(
    amounts: ColumnElement[int], where: ColumnElement[bool] | None = None
) -> ColumnElement[int]:
    summed = func.sum(amounts)
    return cast(summed if where is None else summed.filter(where), BigInteger)


def _movements(
    snapshot_id: int, through_id: int | None = None
) -> CompoundSelect[tuple[str, int, int]]:
    inside = [Transfer.id > snapshot_id]
    if through_id is not None:
        inside.append(Transfer.id <= through_id)
    nothing = literal(0, BigInteger)
    kept = select(
        BalanceSnapshot.account.label("account"),
        BalanceSnapshot.debits.label("debits"),
        BalanceSnapshot.credits.label("credits"),
    ).where(BalanceSnapshot.through_id == snapshot_id)
    debited = select(Transfer.debit_account, Transfer.amount, nothing).where(*inside)
    credited = select(Transfer.credit_account, nothing, Transfer.amount).where(*inside)
    return union_all(kept, debited, credited)
