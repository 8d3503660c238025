"""The roles that a route requires."""

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from fastapi import Request

from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.tokens import Authenticator
from perisai_kit.domain.errors import Forbidden


def require(
    *roles: Role, scope: Literal[ScopeKind.COUNTRY] | None = None
) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """Return a dependency that gives the request's principal, which must have one of `roles`.

    Without roles any signed-in account is accepted. scope: for data of the whole country, such as a
    bank or the ledger: a principal of a branch or a region is refused.
    """

    async def dependency(request: Request) -> Principal:
        authenticator: Authenticator = request.app.state.kit.authenticator
        principal = await authenticator.authenticate(request)
        if (roles and not principal.has(*roles)) or (scope and not principal.has_country):
            raise Forbidden
        return principal

    dependency.allowed_roles = roles  # type: ignore[attr-defined]  # read by the test of the route table
    return dependency
