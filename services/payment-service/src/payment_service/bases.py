"""What members' contributions are priced on, asked before a transaction opens."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError

from payment_service.clients.members import ContributionBasis
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.body import JsonRequest, to_json_request
from perisai_kit.http.problems import BodyUnreadable
from perisai_kit.http.transaction import TransactionRoute

issuer = require(Role.MEMBER, Role.AGENT, Role.WADAH_ADMIN, Role.BRANCH_OFFICER, Role.ADMIN)
"""Who may issue bills."""


class BasesFirstRoute(TransactionRoute):
    """Asks member-service before the transaction opens, since no call may be made inside one.

    What went wrong is kept for the route to raise, so that the repeat of a request that succeeded
    gets its first answer even while member-service is away.
    """

    @abstractmethod
    async def ask_bases(
        self, request: JsonRequest, principal: Principal
    ) -> Mapping[UUID, ContributionBasis]:
        """Ask for the bases of the members in the body, by member. Raises: DomainError."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        in_transaction = super().get_route_handler()

        async def handle(request: Request) -> Response:
            once = to_json_request(request)
            once.state.bases = await self._try_to_ask(once)
            return await in_transaction(once)

        return handle

    @staticmethod
    def get_bases(request: Request) -> Mapping[UUID, ContributionBasis]:
        """Return what was asked for, or raise what went wrong."""
        bases: Mapping[UUID, ContributionBasis] | DomainError | None = request.state.bases
        if isinstance(bases, Mapping):
            return bases
        raise bases or BodyUnreadable  # JSON, but not in UTF-8

    async def _try_to_ask(
        self, request: JsonRequest
    ) -> Mapping[UUID, ContributionBasis] | DomainError | None:
        principal = await issuer(request)
        try:
            return await self.ask_bases(request, principal)
        except ValidationError:
            return None  # the route itself refuses the body, field by field
        except DomainError as error:
            return error
