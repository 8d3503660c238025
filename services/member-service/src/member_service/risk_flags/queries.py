from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations.models import AllocationRow
from member_service.enrolments.models import EnrolmentRow
from member_service.members.models import Member
from member_service.members.rules import RiskThresholds
from member_service.registrations.models import RegistrationRow
from member_service.risk_flags.models import AcquiredMember, RaisedFlag
from member_service.risk_flags.rules import RiskFlag
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.scopes import in_scope
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.month import Month

AgentMonth = tuple[UUID, Month]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """An allocation that acquires a member for an agent, with what is compared of the member.

    agent_id: None where it is an acquisition of an agent no more. batch_id: of the first batch that
    brought the member. first_month, branch_code and region_code are None where it is declined.
    """

    allocation_id: UUID
    member_id: UUID
    agent_id: UUID | None
    counts_at: datetime
    months: Sequence[Month]
    first_month: Month | None
    branch_code: str | None
    region_code: str | None
    paying_account: str | None
    phone_hash: bytes
    street: str
    village: str
    birth_date: date
    batch_id: UUID | None


async def list_acquisitions(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> list[Acquisition]:
    """Return those of these allocations that are acquisitions, or are stored as such."""
    row, street, birth_date = AllocationRow, Member.street, Member.birth_date_text
    is_acquisition = and_(row.is_acquisition, row.agent_id.is_not(None))
    batch_id = (
        select(EnrolmentRow.batch_id)
        .where(EnrolmentRow.member_id == Member.id)
        .order_by(EnrolmentRow.batch_id)
        .limit(1)
        .scalar_subquery()
    )
    statement: Any = (
        select(row.id, row.member_id, case((is_acquisition, row.agent_id)))
        .add_columns(row.counts_at, row.months, row.first_month, row.branch_code, row.region_code)
        .add_columns(row.paying_account, Member.phone_hash, street.column, Member.village)
        .add_columns(birth_date.column, batch_id)
        .join(Member, Member.id == row.member_id)
        .where(
            row.id == any_id(allocation_ids),
            or_(is_acquisition, exists().where(AcquiredMember.allocation_id == row.id)),
        )
    )
    found = []
    for id_, member_id, *facts, sealed, village, born, batch in await session.execute(statement):
        of_member = {
            "street": street.read(sealed, member_id),
            "village": village,
            "birth_date": date.fromisoformat(birth_date.read(born, member_id)),
            "batch_id": batch,
        }
        found.append(Acquisition(id_, member_id, *facts, **of_member))
    return found


async def upsert_acquired(session: AsyncSession, rows: Rows) -> None:
    new = insert_rows_statement(AcquiredMember, rows)
    moved = {name: new.excluded[name] for name in rows[0] if name != "allocation_id"}
    key = [AcquiredMember.allocation_id]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


async def find_months_to_compare(
    session: AsyncSession, pairs: Collection[AgentMonth], thresholds: RiskThresholds
) -> Collection[AgentMonth]:
    """Return those of these agents' months in which so many acquisitions share something.

    Most months are not, so their rows need not be read with each payment.
    """
    row = AcquiredMember
    shared = (
        (row.phone_hash, row.phone_hash.is_not(None), thresholds.phone),
        (row.address_hash, row.address_hash.is_not(None), thresholds.address),
        (row.batch_id, row.batch_id.is_not(None), thresholds.batch),
        (row.paying_account, row.paying_account.is_not(None), thresholds.paying_account),
        (row.is_older, row.is_older.is_(True), thresholds.older),
    )
    of_one = [
        and_(func.grouping(each) == 0, is_striking, func.count() >= least)
        for each, is_striking, least in shared
    ]
    sets = [tuple_(row.agent_id, row.month, each) for each, _, _ in shared]
    # Two parameters, however many pairs: so the statement is always the same.
    ids, months = [agent_id for agent_id, _ in pairs], [str(month) for _, month in pairs]
    wanted = (
        func.unnest(cast(ids, ARRAY(Uuid())), cast(months, ARRAY(Text())))
        .table_valued(column("agent_id", Uuid()), column("month", row.month.type), name="wanted")
        .render_derived()
    )
    statement = (
        select(row.agent_id, row.month)
        .join(wanted, and_(row.agent_id == wanted.c.agent_id, row.month == wanted.c.month))
        .group_by(func.grouping_sets(*sets))
        .having(or_(*of_one))
        .distinct()
    )
    rows = await session.execute(statement)
    return [(agent_id, month) for agent_id, month in rows if agent_id is not None]


async def list_months(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> Sequence[AcquiredMember]:
    """Return all acquisitions of these agents' months."""
    pair = tuple_(AcquiredMember.agent_id, AcquiredMember.month)
    statement = select(AcquiredMember).where(pair.in_(sorted(pairs)))
    fresh = statement.execution_options(populate_existing=True)
    return (await session.scalars(fresh)).all()


async def list_lapsed_in_month_two(
    session: AsyncSession, registration_ids: Collection[UUID]
) -> Sequence[AcquiredMember]:
    """Return the acquisitions of these registrations in which only one month was paid."""
    paid = (
        select(func.unnest(AllocationRow.months).label("month"))
        .where(
            AllocationRow.member_id == AcquiredMember.member_id,
            AllocationRow.first_month == AcquiredMember.first_month,
            AllocationRow.declined.is_(None),
        )
        .correlate(AcquiredMember)
        .subquery("paid")
    )
    months = select(func.count(paid.c.month.distinct())).scalar_subquery()
    statement = (
        select(AcquiredMember)
        .join(RegistrationRow, RegistrationRow.member_id == AcquiredMember.member_id)
        .where(
            RegistrationRow.id == any_id(registration_ids),
            RegistrationRow.first_month == AcquiredMember.first_month,
            AcquiredMember.agent_id.is_not(None),
            months == 1,
        )
    )
    return (await session.scalars(statement)).all()


async def insert_once_flags(session: AsyncSession, rows: Rows) -> Sequence[RaisedFlag]:
    """Insert flags; return those that are new."""
    new: Any = insert_rows_statement(RaisedFlag, rows)
    statement = new.on_conflict_do_nothing().returning(RaisedFlag)
    return (await session.scalars(statement)).all()


async def list_flags(
    session: AsyncSession,
    viewer: Principal,
    *,
    agent_id: UUID | None,
    month: Month | None,
    flag: RiskFlag | None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[RaisedFlag]:
    """Return flags within the viewer's scope, the latest first."""
    conditions: list[ColumnElement[bool]] = [
        in_scope(viewer, branch=RaisedFlag.branch_code, region=RaisedFlag.region_code)
    ]
    if agent_id is not None:
        conditions.append(RaisedFlag.agent_id == agent_id)
    if month is not None:
        conditions.append(RaisedFlag.month == month)
    if flag is not None:
        conditions.append(RaisedFlag.flag == flag)
    if before_id is not None:
        conditions.append(RaisedFlag.id < before_id)
    statement = select(RaisedFlag).where(*conditions).order_by(RaisedFlag.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()


async def list_flags_of(session: AsyncSession, member_id: UUID) -> Sequence[RiskFlag]:
    statement = select(RaisedFlag.flag).where(RaisedFlag.member_id == member_id)
    return (await session.scalars(statement.distinct())).all()
