"""Which rows a principal may see: its own, those of its members, or those within its scope.

Bills and payments name only their member. The attribution of the member today decides who sees
them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Uuid,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import True_

from payment_service.attributions.models import AttributionPeriod
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.scopes import in_scope
from perisai_kit.db.bulk import any_id
from perisai_kit.domain import clock
from perisai_kit.http.answers.sync import Since

STAFF = (Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN)
KNOW_MEMBERS = (Role.BRANCH_OFFICER, Role.ADMIN)
"""The offices that see the whole names of the members of their scope, as in member-service."""
KNOW_AGENTS = (Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.ADMIN)
"""The offices that see the whole names of the agents of their scope."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who something belongs to. agent_id: the agent who may see it."""

    member_id: UUID
    agent_id: UUID | None
    wadah_id: UUID | None
    branch_code: str
    region_code: str


class Placed(Protocol):
    """What belongs to a wadah, a branch and a region."""

    @property
    def wadah_id(self) -> UUID | None: ...
    @property
    def branch_code(self) -> str: ...
    @property
    def region_code(self) -> str: ...


class Earned(Placed, Protocol):
    """What an agent or a wadah has earned."""

    @property
    def beneficiary_id(self) -> UUID: ...


def may_see(principal: Principal, owner: Owner) -> bool:
    """Tell whether the principal may see what belongs to this owner."""
    own = (
        is_own_member(principal, owner.member_id),
        principal.has(Role.AGENT)
        and principal.agent_id is not None
        and principal.agent_id == owner.agent_id,
        _is_of_wadah(principal, owner),
        _covers(principal, owner, STAFF),
    )
    return any(own)


def is_own_member(principal: Principal, member_id: UUID) -> bool:
    """Tell whether the principal is this member, whose owner may not be known here yet."""
    return principal.has(Role.MEMBER) and principal.member_id == member_id


def may_name_member(principal: Principal, owner: Owner) -> bool:
    """Tell whether the principal may see the member's name whole: their own, or in their care."""
    own = is_own_member(principal, owner.member_id)
    agent = (
        principal.has(Role.AGENT)
        and principal.agent_id is not None
        and principal.agent_id == owner.agent_id
    )
    return own or agent or _covers(principal, owner, KNOW_MEMBERS)


def may_name_agent(principal: Principal, owner: Owner) -> bool:
    """Tell whether the principal may see the name of the agent who cares for this member."""
    own = is_own_member(principal, owner.member_id)
    return own or _is_of_wadah(principal, owner) or _covers(principal, owner, KNOW_AGENTS)


def may_name_beneficiary(principal: Principal, earned: Earned) -> bool:
    """Tell whether the principal may see the name of the agent who has earned something."""
    own = principal.has(Role.AGENT) and principal.agent_id == earned.beneficiary_id
    return own or _is_of_wadah(principal, earned) or _covers(principal, earned, KNOW_AGENTS)


def _is_of_wadah(principal: Principal, owner: Placed) -> bool:
    return (
        principal.has(Role.WADAH_ADMIN)
        and principal.wadah_id is not None
        and principal.wadah_id == owner.wadah_id
    )


def _covers(principal: Principal, owner: Placed, roles: Collection[Role]) -> bool:
    return principal.has(*roles) and principal.covers(
        branch_code=owner.branch_code, region_code=owner.region_code
    )


async def list_owners(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, Owner]:
    """Return who has these members today, by member."""
    statement = select(AttributionPeriod).where(
        AttributionPeriod.member_id == any_id(member_ids), *_is_today()
    )
    return {
        each.member_id: Owner(
            member_id=each.member_id,
            agent_id=each.agent_id if each.agent_sees else None,
            wadah_id=each.wadah_id,
            branch_code=each.branch_code,
            region_code=each.region_code,
        )
        for each in await session.scalars(statement)
    }


@dataclass(frozen=True, slots=True)
class Sight:
    """Members whose bills and payments may be seen: each way to see them is one condition.

    ways: on `AttributionPeriod`; None: every member. own: the principal's own membership.
    """

    ways: tuple[ColumnElement[bool], ...] | None
    own: UUID | None = None

    @property
    def is_everyone(self) -> bool:
        return self.ways is None

    def members(self, *, begun: Since | None = None) -> Select[UUID] | CompoundSelect[UUID]:
        """Return the members as a select, one part for each way, so that each uses its index.

        begun: only those whose present period began since then, or was written since.
        """
        period = AttributionPeriod
        conditions = [*_is_today()]
        if begun is not None:
            conditions.append(or_(period.from_date > begun.day, period.recorded_at >= begun.at))
        found = [select(period.member_id).where(*conditions, way) for way in self.ways or (true(),)]
        if self.own is not None and begun is None:
            found.append(select(literal(self.own, Uuid())))
        return union_all(*found) if len(found) > 1 else found[0]

    def has(self, member_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        """Return whether one member is among them: a question about each row, not a join."""
        period = AttributionPeriod
        way = or_(false(), *(self.ways or (true(),)))
        found = select(period.member_id).where(period.member_id == member_id, *_is_today(), way)
        # With OFFSET the planner keeps it so; otherwise it may read all these members first.
        is_found = found.offset(0).exists()
        return is_found if self.own is None else or_(member_id == self.own, is_found)

    def hashed(self, member_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        """Return the same as `has`, for so many members that their ids fit in a hash table."""
        # Within another function PostgreSQL makes no join of it, which would lose the order.
        return func.coalesce(member_id.in_(self.members()), false())


def had(principal: Principal) -> ColumnElement[bool]:
    """Return the condition that a period of a member was one of the principal's, then or now."""
    period, allowed = AttributionPeriod, list[ColumnElement[bool]]()
    if principal.has(Role.AGENT) and principal.agent_id is not None:
        allowed.append(period.agent_id == principal.agent_id)
    if principal.has(Role.WADAH_ADMIN) and principal.wadah_id is not None:
        allowed.append(period.wadah_id == principal.wadah_id)
    if principal.has(*STAFF):
        allowed.append(in_scope(principal, branch=period.branch_code, region=period.region_code))
    return or_(false(), *allowed)


def visible(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Return the same rule as `may_see`, as a condition on a table that has the member's id."""
    sight = find_sight(principal)
    return true() if sight.is_everyone else table.member_id.in_(sight.members())


def find_sight(
    principal: Principal, *, agent_id: UUID | None = None, branch_code: str | None = None
) -> Sight:
    """Return the members whose bills and payments the principal may see.

    agent_id, branch_code: only members whom this agent, or this branch, has today.
    """
    period, asked = AttributionPeriod, list[ColumnElement[bool]]()
    if agent_id is not None:
        asked += _cared_for_by(agent_id)
    if branch_code is not None:
        asked.append(period.branch_code == branch_code)
    ways: list[ColumnElement[bool]] = []
    if principal.has(*STAFF):
        scope = in_scope(principal, branch=period.branch_code, region=period.region_code)
        if isinstance(scope, True_):
            return Sight((and_(*asked),) if asked else None)
        ways.append(and_(scope, *asked))
    if principal.has(Role.WADAH_ADMIN) and principal.wadah_id is not None:
        ways.append(and_(period.wadah_id == principal.wadah_id, *asked))
    if principal.has(Role.AGENT) and principal.agent_id is not None:
        ways.append(and_(*_cared_for_by(principal.agent_id), *asked))
    own = principal.member_id if principal.has(Role.MEMBER) else None
    if own is not None and asked:
        ways.append(and_(period.member_id == own, *asked))
    return Sight(tuple(ways) or (false(),), own=None if asked else own)


def _cared_for_by(agent_id: UUID) -> list[ColumnElement[bool]]:
    return [AttributionPeriod.agent_id == agent_id, AttributionPeriod.agent_sees.is_(True)]


def _is_today() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    today = clock.today()
    return AttributionPeriod.from_date <= today, AttributionPeriod.until_date > today


def visible_earnings(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Return which earnings a principal may see, as a condition on a table of beneficiaries.

    Agents see their own. A wadah sees its own and its agents'. Staff see those within their scope.
    """
    allowed: list[ColumnElement[bool]] = []
    if principal.has(Role.AGENT) and principal.agent_id is not None:
        allowed.append(table.beneficiary_id == principal.agent_id)
    if principal.has(Role.WADAH_ADMIN) and principal.wadah_id is not None:
        allowed.append(table.wadah_id == principal.wadah_id)
    if principal.has(*STAFF):
        allowed.append(in_scope(principal, branch=table.branch_code, region=table.region_code))
    return or_(false(), *allowed)
