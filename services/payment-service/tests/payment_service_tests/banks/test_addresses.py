"""A name that leads inside is not called, whatever stood there when it was registered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import MakeApp, Tokens, Wire, open_app_client

MakePartner = Callable[..., Awaitable[BankPartner]]
COUNTRY = {"kind": ScopeKind.COUNTRY}
ASKED = {"virtual_account_no": "88001" + "1" * 18, "payment_request_id": "1"}


class Neighbour:
    """Something that listens on this machine, and counts who connects."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0

    def greet(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@pytest.fixture
async def neighbour() -> AsyncIterator[Neighbour]:
    found = Neighbour()
    server = await asyncio.start_server(found.greet, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize(("is_sandbox", "reached"), [(False, False), (True, True)])
async def test_only_a_sandbox_calls_a_host_that_is_resolved_to_an_inner_address(
    *,
    make_app: MakeApp,
    make_partner: MakePartner,
    session: AsyncSession,
    database: Database,
    wire: Wire,
    tokens: Tokens,
    private_pem: str,
    neighbour: Neighbour,
    host: str,
    is_sandbox: bool,
    reached: bool,
) -> None:
    partner = await make_partner(
        session,
        profile="generic-rsa",
        base_url=f"http://{host}:{neighbour.port}",
        outbound_client_id="perisai",
        outbound_private_key_pem=private_pem,
        x_partner_id="PERISAI",
        channel_id="95002",
    )
    app = make_app(
        database=database, wire=wire, has_network=True, sandbox=is_sandbox, clock_file=None
    )

    async with open_app_client(app, **tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)) as client:
        answer = await client.post(f"/v1/bank-partners/{partner.id}/status-inquiries", json=ASKED)

    assert answer.json()["status"] == "unknown"
    assert (neighbour.connections > 0) is reached
