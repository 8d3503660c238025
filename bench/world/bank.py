"""The bank of the models: it pays with signed messages, which go through payment-service's gate."""

import json
from collections.abc import Mapping
from datetime import timedelta

from bench.bank import SETTLED, TARGET, Bank, build_inquiry_body, build_payment_body
from bench.bills import build_partner
from bench.results import BenchError
from payment_service.bank_access.rules import Wire
from payment_service.bank_access.service import Gate
from payment_service.callbacks import service as callbacks
from payment_service.callbacks.queries import find_held
from payment_service.callbacks.writer import Writer
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring
from sandbox.ports import HOST
from snap_bi.codes import Service
from snap_bi.outgoing import sign_token_request
from snap_bi.profiles import GENERIC_HMAC

INQUIRY_TARGET = f"{GENERIC_HMAC.public_prefix}/transfer-va/inquiry"
FOUND = "2002400"
INQUIRED = 4
"""Of so many payments, one is preceded by an inquiry."""


class ModelBank:
    """A bank partner whose messages payment-service takes without a server between."""

    def __init__(self, database: Database, keyring: Keyring, bank: Bank) -> None:
        self._database, self._bank = database, bank
        self._gate = Gate(
            database,
            keyring,
            trusted=(),
            cache_s=60,
            bank_time_tolerance=timedelta(minutes=10),
        )
        payments = Writer(
            database, keyring, callbacks.take_payments, service=Service.PAYMENT, find_held=find_held
        )
        inquiries = Writer(database, keyring, callbacks.take_inquiries, service=Service.INQUIRY)
        self._take = callbacks.Take(payment=payments.take, inquiry=inquiries.take)
        self._closing = (payments.close, inquiries.close)
        self._count = 0

    async def register(self) -> None:
        """Put the partner into the empty database, and take a token."""
        async with self._database.begin() as session:
            session.add(build_partner(self._bank.secrets, self._bank.key.public_key()))
        await self.sign_in()

    async def sign_in(self) -> None:
        signed = sign_token_request(
            client_id=self._bank.secrets.client_id,
            private_key=self._bank.key,
            profile=GENERIC_HMAC,
            at=clock.real_now(),
        )
        target = f"{GENERIC_HMAC.public_prefix}/access-token/b2b"
        body = b'{"grantType":"client_credentials"}'
        answer = await self._call(Service.ACCESS_TOKEN, target, signed.headers, body)
        self._bank.token = json.loads(answer)["accessToken"]

    async def pay(self, number: str, amount: int, *, name: str) -> None:
        """Pay an account; ask first, now and then."""
        self._count += 1
        if self._count % INQUIRED == 0:
            body = build_inquiry_body(number)
            await self._send(Service.INQUIRY, INQUIRY_TARGET, body, FOUND)
        await self.send_payment(build_payment_body(number, amount, name=name))

    async def send_payment(self, body: bytes) -> None:
        await self._send(Service.PAYMENT, TARGET, body, SETTLED)

    async def close(self) -> None:
        for close in self._closing:
            await close()

    async def _send(self, service: Service, target: str, body: bytes, expected: str) -> None:
        answer = await self._call(service, target, self._bank.sign_headers(body, target), body)
        if json.loads(answer)["responseCode"] != expected:
            raise BenchError(f"a bank's message was answered {answer.decode()}")

    async def _call(
        self, service: Service, target: str, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        wire = Wire(
            method="POST",
            target=target,
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            source=HOST,
        )
        reply = await callbacks.serve(self._gate, service, wire, self._take)
        return reply.answer.body
