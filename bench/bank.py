"""A bank that pays: it takes a token and signs payment flags before they are sent.

One in twenty flags is a repeat: the body of an earlier flag under a new X-EXTERNAL-ID, as banks
send it when an answer was lost.
"""

import heapq
import json
import random
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.bills import COMPANY_CODE
from bench.results import BenchError
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from sandbox.ports import HOST
from sandbox.vault import RSA_BITS, BankSecrets
from snap_bi.outgoing import Sender, sign_token_request, sign_transaction
from snap_bi.profiles import GENERIC_HMAC, PARTNER_SERVICE_ID_LENGTH

REPEATS = 0.05
REPEATED_WITHIN = 200
"""The most flags of the same thread between a flag and its repeat."""
TARGET = f"{GENERIC_HMAC.public_prefix}/transfer-va/payment"
SETTLED = "2002500"

Sent = TypeVar("Sent")


@dataclass(slots=True)
class Bank:
    """One bank partner with a symmetric signature and one token."""

    secrets: BankSecrets
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, RSA_BITS), repr=False
    )
    token: str = field(default="", repr=False)

    def sign_in(self, port: int) -> None:
        """Take a token, which is valid for 15 minutes. Raises: BenchError."""
        signed = sign_token_request(
            client_id=self.secrets.client_id,
            private_key=self.key,
            profile=GENERIC_HMAC,
            at=clock.real_now(),
        )
        answer = httpx.post(
            f"http://{HOST}:{port}{GENERIC_HMAC.public_prefix}/access-token/b2b",
            content=b'{"grantType":"client_credentials"}',
            headers=signed.headers,
            timeout=10,
            trust_env=False,
        )
        if answer.status_code != 200:
            raise BenchError(f"the bank got no token: {answer.status_code}")
        self.token = answer.json()["accessToken"]

    def sign(self, port: int, body: bytes, *, target: str = TARGET) -> bytes:
        """Return a signed message as sent, headers and body; a payment flag by default."""
        lines = [f"POST {target} HTTP/1.1", f"Host: {HOST}:{port}", f"Content-Length: {len(body)}"]
        headers = self.sign_headers(body, target)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def sign_headers(self, body: bytes, target: str) -> dict[str, str]:
        """Return the headers of a signed message."""
        return sign_transaction(
            GENERIC_HMAC,
            Sender(
                client_id=self.secrets.client_id,
                partner_id=self.secrets.client_id,
                channel_id=GENERIC_HMAC.inbound_channel_id,
                secret=self.secrets.client_secret,
            ),
            target=target,
            body=body,
            at=clock.real_now(),
            external_id=str(secrets.randbelow(10**18)),
            token=self.token,
        ).headers

    def flags(
        self, port: int, numbers: Iterable[str], *, amount: int, threads: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yield signed flags for these accounts with their repeats, each with its thread."""
        chance = random.Random(0)
        shares: list[list[str]] = [[] for _ in range(threads)]
        for place, number in enumerate(numbers):
            shares[place % threads].append(number)
        for thread, share in enumerate(shares):
            bodies = (build_payment_body(number, amount) for number in share)
            for body in add_repeats(bodies, chance=chance):
                yield thread, self.sign(port, body)


def build_payment_body(number: str, amount: int, *, name: str = "Siti Aminah") -> bytes:
    """Return the body of a payment flag for the account with this customer number."""
    due = {"value": f"{amount}.00", "currency": "IDR"}
    company = COMPANY_CODE.rjust(PARTNER_SERVICE_ID_LENGTH)
    paid_at = clock.now().astimezone(JAKARTA) - timedelta(seconds=1)
    message = {
        "partnerServiceId": company,
        "customerNo": number,
        "virtualAccountNo": company + number,
        "virtualAccountName": name,
        "paymentRequestId": str(new_id()),
        "channelCode": 6011,
        "paidAmount": due,
        "totalAmount": due,
        "trxDateTime": paid_at.isoformat(timespec="seconds"),
        "referenceNo": "00001136962",
        "flagAdvise": "N",
    }
    return json.dumps(message).encode()


def build_inquiry_body(number: str) -> bytes:
    """Return the body of an inquiry about the account with this customer number."""
    company = COMPANY_CODE.rjust(PARTNER_SERVICE_ID_LENGTH)
    message = {
        "partnerServiceId": company,
        "customerNo": number,
        "virtualAccountNo": company + number,
        "inquiryRequestId": str(new_id()),
    }
    return json.dumps(message).encode()


def add_repeats(
    flags: Iterable[Sent],
    *,
    chance: random.Random,
    share: float = REPEATS,
    within: int = REPEATED_WITHIN,
) -> Iterator[Sent]:
    """Yield every flag once, and some of them again a little later.

    share: the share of repeats in all yielded flags.
    """
    place = 0
    waiting: list[tuple[int, int, Sent]] = []
    for number, flag in enumerate(flags):
        yield flag
        place += 1
        if chance.random() < share / (1 - share):
            heapq.heappush(waiting, (place + chance.randint(1, within), number, flag))
        while waiting and waiting[0][0] <= place:
            yield heapq.heappop(waiting)[2]
            place += 1
    while waiting:
        yield heapq.heappop(waiting)[2]
