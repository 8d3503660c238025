"""Which rows a principal may see: its own, those of its members, or those within its scope.

Bills and payments name only their member. The attribution of the member today decides who sees
them.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.sql.elements import True_

from payment_service.attributions.models import AttributionPeriod
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.scopes import in_scope
from perisai_kit.domain import clock

STAFF = (Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who something belongs to. agent_id: the agent who may see it."""

    member_id: UUID
    agent_id: UUID | None
    wadah_id: UUID | None
    branch_code: str
    region_code: str


def may_see(principal: Principal, owner: Owner) -> bool:
    """Tell whether the principal may see what belongs to this owner."""
    own = (
        principal.has(Role.MEMBER) and principal.member_id == owner.member_id,
        principal.has(Role.AGENT)
        and principal.agent_id is not None
        and principal.agent_id == owner.agent_id,
        principal.has(Role.WADAH_ADMIN)
        and principal.wadah_id is not None
        and principal.wadah_id == owner.wadah_id,
        principal.has(*STAFF)
        and principal.covers(branch_code=owner.branch_code, region_code=owner.region_code),
    )
    return any(own)


def visible(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Return the same rule as a condition on a table that has the member's id."""
    allowed: list[ColumnElement[bool]] = []
    if principal.has(Role.MEMBER) and principal.member_id is not None:
        allowed.append(table.member_id == principal.member_id)
    cared_for: list[ColumnElement[bool]] = []
    if principal.has(Role.AGENT) and principal.agent_id is not None:
        cared_for.append(
            and_(AttributionPeriod.agent_id == principal.agent_id, AttributionPeriod.agent_sees)
        )
    if principal.has(Role.WADAH_ADMIN) and principal.wadah_id is not None:
        cared_for.append(AttributionPeriod.wadah_id == principal.wadah_id)
    if principal.has(*STAFF):
        scope = in_scope(
            principal, branch=AttributionPeriod.branch_code, region=AttributionPeriod.region_code
        )
        if isinstance(scope, True_):
            return scope
        cared_for.append(scope)
    if cared_for:
        today = clock.today()
        members = select(AttributionPeriod.member_id).where(
            AttributionPeriod.from_date <= today,
            AttributionPeriod.until_date > today,
            or_(*cared_for),
        )
        allowed.append(table.member_id.in_(members))
    return or_(false(), *allowed)


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
