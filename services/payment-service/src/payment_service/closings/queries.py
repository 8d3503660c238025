from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    Uuid,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import service as agents
from payment_service.closings.models import Closing, ClosingEntry
from payment_service.closings.rules import ClosingStatus
from payment_service.commissions import service as commissions
from payment_service.counting import service as counting
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain.month import Month

KEPT_AT_ONCE = 10_000
SUMS = ("line_count", "contribution_parts", "acquisition_parts", "override_parts")
WHO = ("beneficiary_kind", "beneficiary_id", "wadah_id", "branch_code", "region_code")
_IS_OPEN = Closing.status.in_([ClosingStatus.CONFIRMED, ClosingStatus.RUNNING])


async def insert_once_closing(session: AsyncSession, closing: Closing) -> Closing | None:
    """Insert a proposal; return None where the month has one that is not rejected."""
    return await insert_once(session, closing)


async def find_closing(
    session: AsyncSession, month: Month, *, lock: bool = False
) -> Closing | None:
    """Return the closing of a month; where all are rejected, the latest of them."""
    statement = (
        select(Closing)
        .where(Closing.month == month)
        .order_by(Closing.status == ClosingStatus.REJECTED, Closing.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement.with_for_update() if lock else statement)).one_or_none()


async def has_open(session: AsyncSession) -> bool:
    """Tell whether a month waits for the worker, or was begun by it."""
    return bool(await session.scalar(select(exists().where(_IS_OPEN))))


async def lock_open(session: AsyncSession) -> Closing | None:
    """Lock the first month that waits for the worker, or that it has begun."""
    statement = (
        select(Closing)
        .where(_IS_OPEN)
        .order_by(Closing.month)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def insert_entries(session: AsyncSession, month: Month, *, on: date) -> None:
    """Keep all beneficiaries as they are known now, and whose incentive is held on a day."""
    who = _beneficiaries(on).subquery("who")
    columns = [literal(month, ClosingEntry.month.type), *who.c]
    names = ["month", *(each.name for each in who.c)]
    await session.execute(insert(ClosingEntry).from_select(names, select(*columns)))


async def add_up(session: AsyncSession, month: Month) -> tuple[int, int]:
    """Store what is booked for each beneficiary in a month, in one pass over its lines.

    Return how many have lines, and how many of them were kept. The sums come here before they are
    stored, because PostgreSQL reads with several processes only in a statement that writes nothing.
    """
    earning = (await session.execute(commissions.booked_in(month))).all()
    kept = 0
    for first in range(0, len(earning), KEPT_AT_ONCE):
        kept += await _keep_sums(session, month, earning[first : first + KEPT_AT_ONCE])
    return len(earning), kept


async def _keep_sums(session: AsyncSession, month: Month, earning: Sequence[Any]) -> int:
    ids, *sums = (list(each) for each in zip(*earning, strict=True))
    arrays = [cast(ids, ARRAY(Uuid)), *(cast(each, ARRAY(BigInteger)) for each in sums)]
    new = func.unnest(*arrays).table_valued("beneficiary_id", *SUMS, name="new").render_derived()
    kept = (
        update(ClosingEntry)
        .where(ClosingEntry.month == month, ClosingEntry.beneficiary_id == new.c.beneficiary_id)
        .values({name: new.c[name] for name in SUMS})
        .returning(ClosingEntry.beneficiary_id)
        .execution_options(synchronize_session=False)
        .cte("kept")
    )
    return await session.scalar(select(func.count()).select_from(kept)) or 0


async def list_next(
    session: AsyncSession, month: Month, *, after_id: UUID | None, limit: int
) -> Sequence[UUID]:
    """Return the next beneficiaries with something booked in a month, by id."""
    conditions = [ClosingEntry.month == month, ClosingEntry.line_count.is_not(None)]
    if after_id is not None:
        conditions.append(ClosingEntry.beneficiary_id > after_id)
    statement = select(ClosingEntry.beneficiary_id).where(*conditions)
    ordered = statement.order_by(ClosingEntry.beneficiary_id).limit(limit)
    return (await session.scalars(ordered)).all()


def earned_by(month: Month, first_id: UUID, last_id: UUID) -> Select[Any]:
    """Return the query of what the beneficiaries from one to another have earned, as kept."""
    columns = (*WHO, "held_reason", *SUMS)
    return select(*(getattr(ClosingEntry, name) for name in columns)).where(
        ClosingEntry.month == month,
        ClosingEntry.line_count.is_not(None),
        ClosingEntry.beneficiary_id.between(first_id, last_id),
    )


async def delete_entries(session: AsyncSession, month: Month) -> None:
    """Delete the work of a close."""
    await session.execute(delete(ClosingEntry).where(ClosingEntry.month == month))


def earned_now(month: Month, *, on: date) -> Select[Any]:
    """Return the query of what all beneficiaries have earned so far in a month."""
    who = _beneficiaries(on).subquery("who")
    sums = commissions.booked_in(month).subquery("sums")
    joined = select(*who.c, *(sums.c[name] for name in SUMS))
    return joined.join(sums, sums.c.beneficiary_id == who.c.beneficiary_id)


def earned_now_by(month: Month, *, on: date, after_id: UUID | None, limit: int) -> Select[Any]:
    """Return the query of what the next beneficiaries have earned so far in a month, by id.

    One look at the index of lines for each of them, not the sums of the whole month.
    """
    who = _beneficiaries(on).subquery("who")
    sums = commissions.booked_for(who.c.beneficiary_id, month).lateral("sums")
    joined = select(*who.c, *(sums.c[name] for name in SUMS)).join(sums, true())
    if after_id is not None:
        joined = joined.where(who.c.beneficiary_id > after_id)
    return joined.order_by(who.c.beneficiary_id).limit(limit)


def _beneficiaries(on: date) -> Select[Any]:
    """Return everybody who may have earned something, and why it is held on a day."""
    who = counting.beneficiaries(on).subquery("beneficiary")
    is_wadah: ColumnElement[bool] = who.c.beneficiary_kind == BeneficiaryKind.WADAH
    held = case((is_wadah, agents.held_reason(who.c.beneficiary_id, on=on)))
    return select(*(who.c[name] for name in WHO), cast(held, Text).label("held_reason"))
