"""The clients of banks: a token for each partner, and a connection for each call."""

from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI, Request, Response

from payment_service.clients.banks import BankClients, Route
from perisai_kit.testing.server import HOST, serve


class Bank:
    def __init__(self) -> None:
        self.tokens = 0
        self.partner_ids: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access-token/b2b"):
            self.tokens += 1
            return httpx.Response(200, json={"accessToken": "t", "expiresIn": "900"})
        self.partner_ids.append(request.headers["X-PARTNER-ID"])
        return httpx.Response(500)


def make_route(base_url: str) -> Route:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Route(
        partner_id=UUID(int=1),
        profile="bca",
        base_url=base_url,
        client_id="us",
        client_secret="a secret of the test",
        private_key_pem=pem,
        x_partner_id="12345",
        channel_id="95051",
    )


async def test_money_out_uses_the_token_of_the_partner_and_its_own_partner_id() -> None:
    route = make_route("https://bank.example")
    bank = Bank()
    clients = BankClients(transport=httpx.MockTransport(bank))

    await clients.of(route).inquire_account(account_no="1")
    await clients.disbursement(route).inquire_balance("1")
    await clients.disbursement(route, corporate_id="KBBPERISAI").inquire_balance("1")
    await clients.close()

    assert bank.partner_ids == ["12345", "12345", "KBBPERISAI"]
    assert bank.tokens == 1


async def test_no_call_to_a_bank_follows_another_on_its_connection() -> None:
    """Otherwise an answer that a bank sends twice would be read as that of the next call."""
    bank, ports, app = Bank(), [], FastAPI()

    @app.post("/{path:path}")
    async def answer(request: Request) -> Response:
        assert request.client is not None
        ports.append(request.client.port)
        answered = bank(httpx.Request("POST", str(request.url), headers=request.headers.items()))
        return Response(answered.content, answered.status_code)

    async with serve(app) as port:
        clients = BankClients(sandbox=True)
        client = clients.disbursement(make_route(f"http://{HOST}:{port}"))
        for _ in range(3):
            await client.inquire_balance("1")
        await clients.close()

    assert bank.tokens == 1
    assert len(ports) == len(set(ports)) == 1 + 3
