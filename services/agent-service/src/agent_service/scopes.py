"""The rows that an office may see, as a condition of a query."""

from sqlalchemy import ColumnElement, false
from sqlalchemy.orm import InstrumentedAttribute

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.scopes import in_scope

OFFICES = (Role.ADMIN, Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR)


def by_office(
    principal: Principal,
    *roles: Role,
    branch: InstrumentedAttribute[str],
    region: InstrumentedAttribute[str],
) -> ColumnElement[bool]:
    """Return the condition of rows in scope, for administrators and these roles."""
    if principal.has(Role.ADMIN, *roles):
        return in_scope(principal, branch=branch, region=region)
    return false()
