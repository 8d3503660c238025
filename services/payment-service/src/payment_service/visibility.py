"""Which rows a subject may see: own, own agent's, own wadah's, or what a scope holds.

Money rows carry their owner (member, agent, wadah, branch, region) from the moment they were
written, so that the question is answered from the row alone.
"""

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.scopes import in_scope

STAFF = (Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN)


class Owned(Protocol):
    """A value that says whose it is."""

    @property
    def member_id(self) -> UUID: ...
    @property
    def agent_id(self) -> UUID | None: ...
    @property
    def wadah_id(self) -> UUID | None: ...
    @property
    def branch_code(self) -> str: ...
    @property
    def region_code(self) -> str: ...


def may_see(principal: Principal, owned: Owned) -> bool:
    """Tell whether the subject may see what belongs to this owner."""
    own = (
        principal.has(Role.MEMBER) and principal.member_id == owned.member_id,
        principal.has(Role.AGENT)
        and principal.agent_id is not None
        and principal.agent_id == owned.agent_id,
        principal.has(Role.WADAH_ADMIN)
        and principal.wadah_id is not None
        and principal.wadah_id == owned.wadah_id,
        principal.has(*STAFF)
        and principal.covers(branch_code=owned.branch_code, region_code=owned.region_code),
    )
    return any(own)


def visible(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Return the same rule as a condition on a table that has the owner's columns."""
    allowed: list[ColumnElement[bool]] = []
    if principal.has(Role.MEMBER) and principal.member_id is not None:
        allowed.append(table.member_id == principal.member_id)
    if principal.has(Role.AGENT) and principal.agent_id is not None:
        allowed.append(table.agent_id == principal.agent_id)
    if principal.has(Role.WADAH_ADMIN) and principal.wadah_id is not None:
        allowed.append(table.wadah_id == principal.wadah_id)
    if principal.has(*STAFF):
        allowed.append(in_scope(principal, branch=table.branch_code, region=table.region_code))
    return or_(false(), *allowed)


def visible_earnings(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Return whose earnings a subject may see, as a condition on a table of beneficiaries.

    An agent sees own ones, a wadah own ones and its agents', staff what their scope holds.
    """
    allowed: list[ColumnElement[bool]] = []
    if principal.has(Role.AGENT) and principal.agent_id is not None:
        allowed.append(table.beneficiary_id == principal.agent_id)
    if principal.has(Role.WADAH_ADMIN) and principal.wadah_id is not None:
        allowed.append(table.wadah_id == principal.wadah_id)
    if principal.has(*STAFF):
        allowed.append(in_scope(principal, branch=table.branch_code, region=table.region_code))
    return or_(false(), *allowed)
