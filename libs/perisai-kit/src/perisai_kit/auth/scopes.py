"""The scope of a principal as a condition of a query."""

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import InstrumentedAttribute

from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind


def in_scope(
    principal: Principal, *, branch: InstrumentedAttribute[str], region: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """Return the condition for rows within the principal's scope, by the rule of `covers`.

    Without a scope an administrator has the whole country, and all others have nothing.
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
