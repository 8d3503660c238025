"""A bank that answers from a script, our client of it, and the transfer that tests make."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from snap_bi.client import BankClient
from snap_bi.disbursement import DisbursementClient
from snap_bi.outgoing import Sender
from snap_bi.profiles import Profile
from snap_bi.transfer_outcomes import TransferOrder

SECRET = "a secret of the test"
REQUESTED_AT = datetime(2026, 12, 3, 2, 15, 30, tzinfo=UTC)
SENT_AT = "2026-12-03T09:15:30+07:00"
Reply = httpx.Response | Exception
Connect = Callable[..., DisbursementClient]


class Bank:
    """A bank that issues tokens and gives the prepared replies in order."""

    def __init__(self, *replies: Reply, token: Reply | None = None) -> None:
        self.replies = list(replies)
        self.token = token or httpx.Response(200, json={"accessToken": "t", "expiresIn": "900"})
        self.token_requests = 0
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access-token/b2b"):
            self.token_requests += 1
            return self._give(self.token)
        self.requests.append(request)
        return self._give(self.replies.pop(0))

    @staticmethod
    def _give(reply: Reply) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def sent(self) -> dict[str, Any]:
        """The body of the only request."""
        (body,) = self.bodies
        return body


def make_client(bank: Bank, profile: Profile, key: RSAPrivateKey, now: datetime) -> BankClient:
    """Return the client of a bank; our channel and partner ids are `12345` and `us`."""
    sender = Sender(
        client_id="us", partner_id="us", channel_id="12345", secret=SECRET, private_key=key
    )
    return BankClient(
        profile,
        sender,
        base_url="https://bank.example",
        now=lambda: now,
        transport=httpx.MockTransport(bank),
    )


def order(**more: Any) -> TransferOrder:
    values: dict[str, Any] = {
        "partner_reference_no": "PAY0001",
        "external_id": "20261203000000000000000000000001",
        "requested_at": REQUESTED_AT,
        "amount": 1_250_000,
        "source_account_no": "8880001112",
        "beneficiary_account_no": "1234567890",
        "beneficiary_name": "AGUS SALIM",
        "customer_reference": "K7F3A2",
        "remark": "K7F3A2 INSENTIF PERISAI",
    }
    return TransferOrder(**{**values, **more})


def interbank(**more: Any) -> TransferOrder:
    return order(beneficiary_bank_code="002", **more)


def reply(code: str, **more: Any) -> httpx.Response:
    content = {"responseCode": code, "responseMessage": "m", **more}
    return httpx.Response(int(code[:3]), json=content)
