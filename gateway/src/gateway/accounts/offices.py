"""What other services know of the scope and the wadah in a request, asked before a transaction."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, assert_never

from fastapi import Request, Response
from pydantic import ValidationError

from gateway.accounts.rules import Offices
from gateway.accounts.schemas import NewScope, WantedOffices
from gateway.clients import agents, payments
from gateway.parts import Parts
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.body import JsonRequest, to_json_request
from perisai_kit.http.transaction import TransactionRoute

_require_admin = require(Role.ADMIN)


class OfficesFirstRoute(TransactionRoute):
    """Asks other services before the transaction opens, since no call may be made inside one.

    What went wrong is kept for the route to raise, so that the repeat of a request that succeeded
    gets its first answer even while they are away.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        in_transaction = super().get_route_handler()

        async def handle(request: Request) -> Response:
            once = to_json_request(request)
            once.state.offices = await _try_to_ask(once)
            return await in_transaction(once)

        return handle


def get_offices(request: Request) -> Offices:
    """Return what was asked for, or raise what went wrong."""
    offices: Offices | DomainError = request.state.offices
    if isinstance(offices, DomainError):
        raise offices
    return offices


async def _try_to_ask(request: JsonRequest) -> Offices | DomainError:
    await _require_admin(request)
    try:
        return await _ask(request.app.state.parts, await request.json())
    except DomainError as error:
        return error


async def _ask(parts: Parts, body: Any) -> Offices:
    try:
        wanted = WantedOffices.model_validate(body)
    except ValidationError:
        return Offices()  # the route itself refuses the body, field by field
    offices = await _ask_about_scope(parts, wanted.scope)
    if wanted.wadah_id is not None:
        has_wadah = await agents.has_wadah(parts.agents, wanted.wadah_id)
        offices = replace(offices, has_wadah=has_wadah)
    return offices


async def _ask_about_scope(parts: Parts, scope: NewScope | None) -> Offices:
    if scope is None or scope.code is None:
        return Offices()
    match scope.kind:
        case ScopeKind.BRANCH:
            region = await agents.find_region_of_branch(parts.agents, scope.code)
            return Offices(region_of_branch=region)
        case ScopeKind.REGION:
            return Offices(has_region=await agents.has_region(parts.agents, scope.code))
        case ScopeKind.BANK_PARTNER:
            is_known = await payments.has_bank_partner(parts.payments, scope.code)
            return Offices(has_bank_partner=is_known)
        case ScopeKind.COUNTRY:
            return Offices()
        case _:
            assert_never(scope.kind)
