"""Which rows an officer's scope holds, as a condition for a query."""

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import InstrumentedAttribute

from perisai_kit.auth import Principal, Role, Scope, ScopeKind

OFFICES = (Role.ADMIN, Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR)


def in_scope(
    principal: Principal, *, branch: InstrumentedAttribute[str], region: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """Return the condition under which a row lies in the subject's scope; none without one."""
    match principal.scope:
        case Scope(kind=ScopeKind.COUNTRY):
            return true()
        case Scope(kind=ScopeKind.REGION, code=str(code)):
            return region == code
        case Scope(kind=ScopeKind.BRANCH, code=str(code)):
            return branch == code
    return false()


def by_office(
    principal: Principal,
    *roles: Role,
    branch: InstrumentedAttribute[str],
    region: InstrumentedAttribute[str],
) -> ColumnElement[bool]:
    """Return the rows an office holder sees: an administrator all, `roles` those in scope."""
    if principal.has(Role.ADMIN):
        return true()
    if principal.has(*roles):
        return in_scope(principal, branch=branch, region=region)
    return false()
