"""Who may call the routes of several features: a role, and the scope where it must be country."""

from typing import Annotated

from fastapi import Depends

from payment_service.visibility import STAFF
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require

Reader = Annotated[Principal, Depends(require(Role.MEMBER, Role.AGENT, Role.WADAH_ADMIN, *STAFF))]
"""Of bills and payments: those that the subject may see."""
StaffReader = Annotated[Principal, Depends(require(*STAFF))]
EarningsReader = Annotated[Principal, Depends(require(Role.AGENT, Role.WADAH_ADMIN, *STAFF))]
Earner = Annotated[Principal, Depends(require(Role.AGENT, Role.WADAH_ADMIN))]
Officer = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER, Role.FINANCE_OFFICER))]
Bookkeeper = Annotated[
    Principal,
    Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN, scope=ScopeKind.COUNTRY)),
]
"""Reads the books of the whole country."""
Treasurer = Annotated[Principal, Depends(require(Role.FINANCE_OFFICER, scope=ScopeKind.COUNTRY))]
"""Acts on the money of the whole country."""
