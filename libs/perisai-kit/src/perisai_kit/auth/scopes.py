"""Which rows a subject's scope holds, as a condition for a query."""

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import InstrumentedAttribute

from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind


def in_scope(
    principal: Principal, *, branch: InstrumentedAttribute[str], region: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """Return the condition under which a row lies in the subject's scope.

    The same rule as `Principal.covers`: without a scope an administrator has the country, and
    everybody else nothing.
    """
    match principal.scope:
        case None:
            return true() if principal.has(Role.ADMIN) else false()
        case Scope(kind=ScopeKind.COUNTRY):
            return true()
        case Scope(kind=ScopeKind.REGION, code=str(code)):
            return region == code
        case Scope(kind=ScopeKind.BRANCH, code=str(code)):
            return branch == code
    return false()
