"""The edge for apps and web pages.

A request is admitted and read whole. Then it is relayed to its service, or answered by the
gateway's own routes.
"""

from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.edge.admission import Admission
from gateway.edge.body import (
    BodyBudget,
    ClientDisconnected,
    read_body,
    read_content_length,
    replay_body,
)
from gateway.edge.exchange import Exchange
from gateway.edge.headers import read_client
from gateway.edge.limits import InFlight, SpacedQueue, Turns
from gateway.edge.relay import CancelOnDisconnect, Relay
from gateway.edge.routes import INNER_PATHS, Routes, Row, Upstream
from gateway.settings import Settings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.access_log import get_record
from perisai_kit.http.problems import record_unexpected
from perisai_kit.http.protocol import INNER


class PublicEdge:
    """Admits requests; the layer before the app of the gateway's own routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        admission: Admission,
        relay: Relay,
        routes: Routes,
    ) -> None:
        self.app = app
        self._settings = settings
        self._admission = admission
        self._relay = relay
        self._routes = routes
        self._turns = Turns()
        self._spaced = SpacedQueue()
        self._budget = BodyBudget(settings.collected_bytes)
        self._accounts = _make_in_flight(settings, settings.requests_of_account)
        self._addresses = _make_in_flight(settings, settings.requests_of_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if INNER in scope.get("extensions", {}) and scope["path"] in INNER_PATHS:
            await self.app(scope, receive, send)
            return
        row = self._routes.find_target(scope["raw_path"], scope["path"])
        record = get_record(scope)
        exchange = Exchange(scope, send, record)
        if row is not None:
            record.route = row.path
        try:
            if row is None or row.roles is None or not self._turns.try_begin():
                await self._wait_to_begin(scope, row)
            principal = await self._admission.admit(scope, row, exchange.headers)
            assert row is not None, "an unknown address is not admitted"
            scope["state"]["principal"] = principal
            await self._serve(exchange, scope, receive, row, principal)
        except ClientDisconnected:
            pass
        except Exception as error:  # no error handler is outside of this layer
            if exchange.has_begun:
                raise  # uvicorn aborts the answer
            await self._refuse(exchange, scope, row, error)

    async def _wait_to_begin(self, scope: Scope, row: Row | None) -> None:
        """Wait in the queue of requests without a sign-in, or for a turn.

        Raises: ClientDisconnected.
        """
        with CancelOnDisconnect(scope):
            if _is_spaced(row):
                await self._spaced.wait(self._admission.get_network(scope))
            elif not self._turns.try_begin():
                await self._turns.begin()

    async def _refuse(
        self, exchange: Exchange, scope: Scope, row: Row | None, error: Exception
    ) -> None:
        if not isinstance(error, DomainError):
            error = record_unexpected(error)
        with suppress(ClientDisconnected), CancelOnDisconnect(scope):
            if not _is_spaced(row):  # the others have waited
                await self._spaced.wait(self._admission.get_network(scope))
            await exchange.refuse(error)

    async def _serve(
        self,
        exchange: Exchange,
        scope: Scope,
        receive: Receive,
        row: Row,
        principal: Principal | None,
    ) -> None:
        """Read the request, and relay it or pass it to the gateway's own routes."""
        length = read_content_length(scope)
        turns, subject = self._choose_queue(scope, row, principal)
        if turns is not None and not turns.try_acquire(subject):
            with CancelOnDisconnect(scope):
                await turns.acquire(subject)
        try:
            with self._budget.reserve() as reservation:
                body = b""
                if length != 0:
                    body = await read_body(
                        receive, length=length, limit=row.body_limit, reservation=reservation
                    )
                if row.upstream is not Upstream.GATEWAY:
                    trusted = self._settings.trusted_proxies
                    client = read_client(scope, trusted, exchange.request_id)
                    await self._relay.forward(exchange, scope, row, client, body)
                    return
                await self.app(scope, replay_body(body, receive), exchange.send)
        finally:
            if turns is not None:
                turns.release(subject)

    def _choose_queue(
        self, scope: Scope, row: Row, principal: Principal | None
    ) -> tuple[InFlight | None, str]:
        if principal is None:
            return self._addresses, self._admission.get_network(scope)
        if principal.is_service:
            return None, ""
        # By upstream, so that a service that hangs delays only its own requests.
        return self._accounts, f"{principal.subject}/{row.upstream}"


def _is_spaced(row: Row | None) -> bool:
    """Tell whether requests without a sign-in wait in the spaced queue; checks of health do not."""
    return row is None or (row.roles is None and row.prefix not in INNER_PATHS)


def _make_in_flight(settings: Settings, limit: int) -> InFlight:
    return InFlight(limit=limit, waiting=settings.requests_waiting, wait_s=settings.upstream_wait_s)
