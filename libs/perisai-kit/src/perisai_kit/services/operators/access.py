"""Who reaches the routes of operators, and where they are."""

from typing import Annotated

from fastapi import Depends

from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require

Admin = Annotated[Principal, Depends(require(Role.ADMIN, scope=ScopeKind.COUNTRY))]


def get_operations_prefix(service: str) -> str:
    """Return the prefix of the operators' addresses of one service."""
    return f"/v1/operations/{service}"
