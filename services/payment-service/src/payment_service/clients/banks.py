"""Our calls to banks, over SNAP BI: one client a partner, kept with its token."""

from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

import httpx
from fastapi import Depends, Request

from perisai_kit.domain import clock
from perisai_kit.runtime.network import Network
from snap_bi.client import BankClient
from snap_bi.disbursement import DisbursementClient
from snap_bi.keys import load_private_key
from snap_bi.outgoing import Sender
from snap_bi.profiles import PROFILES
from snap_bi.public_transport import PublicHostTransport


@dataclass(frozen=True, slots=True)
class Route:
    """How a partner is called. Equal routes share a client; nothing secret shows in its text."""

    partner_id: UUID
    profile: str
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    private_key_pem: str = field(repr=False)
    x_partner_id: str
    channel_id: str


class BankClients:
    """The clients of this process. httpx with its own transport, never another one's adapter:
    a connection dropped after sending must not look like one that was never made.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = 10.0,
        sandbox: bool = False,
    ) -> None:
        """transport: the network when left out, of which only hosts on the Internet are called.

        sandbox: whether any host may be called; the sandbox's bank runs on this machine.
        """
        self._transport = transport
        self._timeout_s = timeout_s
        self._sandbox = sandbox
        self._clients: dict[UUID, tuple[Route, BankClient]] = {}

    def of(self, route: Route) -> BankClient:
        """Return the client for a route; a partner's changed route gets a new one."""
        known = self._clients.get(route.partner_id)
        if known is not None and known[0] == route:
            return known[1]
        client = BankClient(
            PROFILES[route.profile],
            Sender(
                client_id=route.client_id,
                partner_id=route.x_partner_id,
                channel_id=route.channel_id,
                secret=route.client_secret,
                private_key=load_private_key(route.private_key_pem),
            ),
            base_url=route.base_url,
            now=clock.real_now,
            transport=self._transport or self._network(),
            timeout_s=self._timeout_s,
        )
        self._clients[route.partner_id] = (route, client)
        return client

    def disbursement(self, route: Route, *, corporate_id: str | None = None) -> DisbursementClient:
        """Return the client that moves and shows our money, with the token of `of`.

        corporate_id: X-PARTNER-ID of these services, where it is not the one of the route.
        """
        return DisbursementClient(self.of(route), partner_id=corporate_id)

    def _network(self) -> httpx.AsyncBaseTransport:
        # One a client: a pool must not give one bank's connection to another at its address. And a
        # connection for each call: an answer that comes twice would be taken for the next one's,
        # and a connection that the bank closes between two calls would leave a transfer unknown.
        network = Network(keeps_connections=False)
        return network if self._sandbox else PublicHostTransport(network)

    async def close(self) -> None:
        """Close every connection."""
        for _, client in self._clients.values():
            await client.aclose()


async def _banks(request: Request) -> BankClients:
    clients: BankClients = request.app.state.banks
    return clients


Banks = Annotated[BankClients, Depends(_banks)]
