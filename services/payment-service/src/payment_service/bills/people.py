"""Whom a bill is about and who has that member today, named as far as the subject may see."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import queries
from payment_service.bills.models import Bill
from payment_service.visibility import (
    Owner,
    is_own_member,
    list_owners,
    may_name_agent,
    may_name_member,
)
from perisai_kit.auth.principal import Principal
from perisai_kit.privacy.masks import mask_name
from perisai_kit.privacy.read_audit import audit_read


@dataclass(frozen=True, slots=True)
class BillPeople:
    """member_name: whole or masked. agent_id: who has the member today; None: the branch.

    shows_agent: whether the subject may see the agent's name.
    """

    member_id: UUID
    member_name: str
    agent_id: UUID | None
    shows_agent: bool


async def list_people(
    session: AsyncSession, principal: Principal, bill_ids: Collection[UUID]
) -> dict[UUID, BillPeople]:
    """Return the people of bills that the subject may see, by bill."""
    found = await queries.list_by_ids(session, bill_ids) if bill_ids else []
    return await describe(session, principal, found)


async def describe(
    session: AsyncSession, principal: Principal, bills: Iterable[Bill]
) -> dict[UUID, BillPeople]:
    """Return the people of these bills, by bill, and record that they are read."""
    rows = list(bills)
    owners = await list_owners(session, {bill.member_id for bill in rows}) if rows else {}
    people: dict[UUID, BillPeople] = {}
    for bill in rows:
        owner = owners.get(bill.member_id)
        shows_agent = owner is not None and may_name_agent(principal, owner)
        agent_id = owner.agent_id if owner else None
        name = _show_name(principal, bill, owner)
        people[bill.id] = BillPeople(bill.member_id, name, agent_id, shows_agent)
        audit_read([bill.member_id, agent_id if shows_agent else None])
    return people


async def name_members(
    session: AsyncSession, principal: Principal, bills: Iterable[Bill]
) -> dict[UUID, str]:
    """Return the names on these bills, by bill, and record that they are read."""
    rows = list(bills)
    owners = await list_owners(session, {bill.member_id for bill in rows}) if rows else {}
    audit_read(bill.member_id for bill in rows)
    return {bill.id: _show_name(principal, bill, owners.get(bill.member_id)) for bill in rows}


def _show_name(principal: Principal, bill: Bill, owner: Owner | None) -> str:
    """Return the name on a bill as the subject may see it. owner: None: not known yet."""
    is_whole = is_own_member(principal, bill.member_id) or (
        owner is not None and may_name_member(principal, owner)
    )
    return bill.display_name if is_whole else mask_name(bill.display_name)
