"""A bank on a socket with an account of ours and a payee, and our clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from perisai_kit.domain import clock
from perisai_kit.runtime.network import Network
from perisai_kit.testing.server import serve
from sandbox.demo.clients import open_client
from sandbox.fakebank.app import create_app
from snap_bi.client import BankClient
from snap_bi.disbursement import DisbursementClient
from snap_bi.outgoing import Sender
from snap_bi.profiles import GENERIC_HMAC, Profile
from snap_bi.timestamps import WIB
from snap_bi.transfer_outcomes import TransferOrder

OURS = "8880001112"
PAYEE = "1234567890"
BEGAN_WITH = 10_000_000
AMOUNT = 1_250_000
numbers = count(1)


@dataclass
class Bank:
    """A bank on a socket, its control API, and our clients."""

    url: str
    our_key: RSAPrivateKey
    control: httpx.AsyncClient
    timeout_s: float = 5.0

    @asynccontextmanager
    async def client(self, profile: Profile = GENERIC_HMAC) -> AsyncIterator[DisbursementClient]:
        sender = Sender(
            client_id=f"us-at-{profile.name}",
            partner_id=f"us-at-{profile.name}",
            channel_id=profile.outbound_channel_id,
            secret="ours",
            private_key=self.our_key,
        )
        async with BankClient(
            profile,
            sender,
            base_url=self.url,
            now=clock.real_now,
            transport=Network(),
            timeout_s=self.timeout_s,
        ) as client:
            yield DisbursementClient(client)

    async def plan(self, **plan: Any) -> None:
        assert (await self.control.post("/plans", json=plan)).status_code == 201

    async def read(self, path: str) -> list[dict[str, Any]]:
        answer = await self.control.get(path)
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json()
        return found

    async def debits(self) -> list[int]:
        return [each["amount"] for each in await self.read("/entries") if each["type"] == "debit"]

    async def balance(self) -> int:
        (account,) = await self.read("/paying-accounts")
        balance: int = account["balance"]
        return balance


@asynccontextmanager
async def open_bank(config: Path, our_key: RSAPrivateKey) -> AsyncIterator[Bank]:
    """Run a bank on a real socket, so that a connection can break."""
    app = create_app({"PERISAI_FAKEBANK_CONFIG": str(config)})
    async with serve(app) as port:
        url = f"http://127.0.0.1:{port}"
        async with open_client(url) as control:
            for bank_code in ("002", "014"):
                account = {"bank_code": bank_code, "account_no": PAYEE, "holder_name": "AGUS SALIM"}
                assert (await control.post("/accounts", json=account)).status_code == 201
            ours = {"account_no": OURS, "balance": BEGAN_WITH}
            assert (await control.post("/paying-accounts", json=ours)).status_code == 201
            yield Bank(url, our_key, control)


def order(client: DisbursementClient, **more: Any) -> TransferOrder:
    number = next(numbers)
    values: dict[str, Any] = {
        "partner_reference_no": f"PAY{number:05d}",
        "external_id": client.new_external_id(),
        "requested_at": client.new_timestamp(clock.real_now()),
        "amount": AMOUNT,
        "source_account_no": OURS,
        "beneficiary_account_no": PAYEE,
        "beneficiary_name": "AGUS SALIM",
        "customer_reference": f"K7F{number:05d}",
        "remark": f"K7F{number:05d} INSENTIF",
    }
    return TransferOrder(**{**values, **more})


def day_of(made: TransferOrder) -> dict[str, Any]:
    day = made.requested_at.astimezone(WIB).date()
    return {"first": day, "last": day}
