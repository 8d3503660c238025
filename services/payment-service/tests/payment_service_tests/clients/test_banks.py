"""The clients of banks: one connection and token a partner, for payments in and money out."""

from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from payment_service.clients.banks import BankClients, Route


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


async def test_money_out_uses_the_token_of_the_partner_and_its_own_partner_id() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    route = Route(
        partner_id=UUID(int=1),
        profile="bca",
        base_url="https://bank.example",
        client_id="us",
        client_secret="a secret of the test",
        private_key_pem=pem,
        x_partner_id="12345",
        channel_id="95051",
    )
    bank = Bank()
    clients = BankClients(transport=httpx.MockTransport(bank))

    await clients.of(route).inquire_account(account_no="1")
    await clients.disbursement(route).inquire_balance("1")
    await clients.disbursement(route, corporate_id="KBBPERISAI").inquire_balance("1")
    await clients.close()

    assert bank.partner_ids == ["12345", "12345", "KBBPERISAI"]
    assert bank.tokens == 1
