"""What agent-service knows of the scope and the wadah in a request, asked before a transaction."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from pydantic import ValidationError

from gateway.accounts.rules import Offices
from gateway.accounts.schemas import WantedOffices
from gateway.clients import agents
from gateway.parts import Parts
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.body import JsonRequest, to_json_request
from perisai_kit.http.transaction import TransactionRoute

_require_admin = require(Role.ADMIN)


class OfficesFirstRoute(TransactionRoute):
    """Asks agent-service before the transaction opens, since no call may be made inside one.

    What went wrong is kept for the route to raise, so that the repeat of a request that succeeded
    gets its first answer even while agent-service is away.
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
    scope, region, has_region, has_wadah = wanted.scope, None, False, False
    if scope is not None and scope.code is not None:
        if scope.kind is ScopeKind.BRANCH:
            region = await agents.find_region_of_branch(parts.agents, scope.code)
        elif scope.kind is ScopeKind.REGION:
            has_region = await agents.has_region(parts.agents, scope.code)
    if wanted.wadah_id is not None:
        has_wadah = await agents.has_wadah(parts.agents, wanted.wadah_id)
    return Offices(region_of_branch=region, has_region=has_region, has_wadah=has_wadah)
