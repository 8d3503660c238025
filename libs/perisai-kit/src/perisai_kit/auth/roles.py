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

    Without roles any signed-in account is accepted, except a bank's engineer, who may use only what
    names the role. scope: for data of the whole country, such as a bank or the ledger: a principal
    of a branch or a region is refused. A bank's engineer passes where `roles` has the role: the
    service compares the bank partner.
    """

    async def dependency(request: Request) -> Principal:
        authenticator: Authenticator = request.app.state.kit.authenticator
        principal = await authenticator.authenticate(request)
        if not _is_allowed(principal, roles, scope):
            raise Forbidden
        return principal

    dependency.allowed_roles = roles  # type: ignore[attr-defined]  # read by the test of the route table
    return dependency


def require_account() -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """Return a dependency that gives the principal of any signed-in account, a bank's engineer too.

    It is for what belongs to the account itself: its password, its sessions, its notices.
    """

    async def dependency(request: Request) -> Principal:
        authenticator: Authenticator = request.app.state.kit.authenticator
        return await authenticator.authenticate(request)

    dependency.allowed_roles = ()  # type: ignore[attr-defined]  # read by the test of the route table
    return dependency


def _is_allowed(principal: Principal, roles: tuple[Role, ...], scope: ScopeKind | None) -> bool:
    is_engineer = principal.has(Role.BANK_ENGINEER)
    if not roles:
        return not is_engineer
    return principal.has(*roles) and (scope is None or principal.has_country or is_engineer)
