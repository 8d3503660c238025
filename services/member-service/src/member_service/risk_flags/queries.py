from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from member_service.allocations.models import AllocationRow
from member_service.enrolments.models import EnrolmentRow
from member_service.members.models import Member
from member_service.registrations.models import RegistrationRow
from member_service.risk_flags.models import AcquiredMember, RaisedFlag
from member_service.risk_flags.rules import RiskFlag
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.scopes import in_scope
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.month import Month

_TRAITS = (
    AcquiredMember.phone_hash,
    AcquiredMember.address_hash,
    AcquiredMember.batch_id,
    AcquiredMember.paying_account,
)
"""What acquisitions may have in common, besides the age."""
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


async def list_alike(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> Sequence[AcquiredMember]:
    """Return the other acquisitions of the same agents' months that may share something with these.

    All that share something with one of these in its month are among them. Each row of a month is
    read once, and looked up in hashed sets of what these have.
    """
    of_new = aliased(AcquiredMember)
    new = (
        select(of_new.allocation_id, of_new.agent_id, of_new.month, of_new.is_older)
        .add_columns(*(getattr(of_new, trait.key) for trait in _TRAITS))
        .where(of_new.allocation_id == any_id(allocation_ids), of_new.agent_id.is_not(None))
        .cte("new")
    )
    months = (
        select(new.c.agent_id, new.c.month, func.bool_or(new.c.is_older).label("has_older"))
        .group_by(new.c.agent_id, new.c.month)
        .subquery("months")
    )
    of_month = aliased(
        AcquiredMember,
        select(AcquiredMember)
        .where(AcquiredMember.agent_id == months.c.agent_id, AcquiredMember.month == months.c.month)
        .offset(0)  # so that each month is looked up, however many there are
        .lateral("of_month"),
    )
    shared = [
        and_(
            getattr(of_month, trait.key).is_not(None),
            tuple_(of_month.agent_id, getattr(of_month, trait.key)).in_(
                select(new.c.agent_id, new.c[trait.key])
            ),
        )
        for trait in _TRAITS
    ]
    statement = (
        select(of_month)
        .select_from(months)
        .join(of_month, true())
        .where(
            of_month.allocation_id.not_in(select(new.c.allocation_id)),
            or_(*shared, and_(of_month.is_older.is_(True), months.c.has_older)),
        )
    )
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
