"""A bank that calls us, with keys of its own and signed calls over the raw bytes; and offers."""

import json
import secrets
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import Offer
from payment_service.orders.schemas import OrderOut
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA, midnight
from perisai_kit.domain.month import Month, list_months
from snap_bi.outgoing import Sender, sign_token_request, sign_transaction
from snap_bi.profiles import PROFILES, PartnerIdKind, Profile

GRANT = b'{"grantType":"client_credentials"}'


# Bodies and answers are no ciphertext: nothing reads them.
_INSERT_MESSAGES = """
    INSERT INTO callbacks (
        id, partner_id, service, received_at, source, target, headers, external_id, signed_over,
        body, request_id, verdict, http_status, response_code, answer, payment_id
    )
    SELECT request.callback_id, request.partner_id, '25', payments.received_at, '', '', '{}',
           request.request_id, 'lexical_minify', '', request.request_id, 'settled', 200, '2002500',
           '', payments.id
    FROM payment_requests AS request JOIN payments ON payments.id = request.payment_id
    LEFT JOIN callbacks ON callbacks.id = request.callback_id
    WHERE callbacks.id IS NULL
"""


async def insert_messages(session: AsyncSession) -> None:
    """Insert the messages of payments that were booked without one."""
    await session.execute(text(_INSERT_MESSAGES))


def make_partner_row(partner_id: UUID) -> dict[str, Any]:
    """Return the columns of a bank partner that takes payments."""
    now, others = clock.now(), [new_id(), new_id()]
    return {
        "id": partner_id,
        "name": "Bank Desa",
        "profile": "generic-hmac",
        "status": PartnerStatus.ACTIVE,
        "company_code": "88000",
        "bank_code": "desa",
        "client_id": str(partner_id),
        "public_key_pem": "not used here",
        "allowed_sources": [],
        "trust_bank_time": True,
        "keeps_refused_money": False,
        "client_secret": BankPartner.client_secret.prepare(partner_id, "not used here"),
        "created_at": now,
        "created_by": others[0],
        "status_changed_at": now,
        "status_changed_by": others[1],
        "changed_at": now,
        "changed_by": others[:1],
        "version": 1,
    }


def make_offer(
    first: Month, count: int = 24, *, paid: Container[Month] = (), **differences: Any
) -> Offer:
    """Return what member-service offers of an open registration, from its first unpaid month on.

    paid: months that are stepped over. It ends with the third month.
    """
    months = [month for month in list_months(first, count) if month not in paid]
    usual = {
        "months": months,
        "pay_before": midnight(first.plus(3).first_day),
        "opens_registration": False,
        "paid_earlier": (),
    }
    return Offer(**{**usual, **differences})


def external_id() -> str:
    return str(secrets.randbelow(10**18))


@dataclass
class Bank:
    """One bank partner. `last_body` is what was sent last, for those who send it again."""

    client: httpx.AsyncClient
    partner: BankPartner
    key: RSAPrivateKey
    client_secret: str
    token: str = ""
    last_body: bytes = field(default=b"", repr=False)

    @property
    def profile(self) -> Profile:
        return PROFILES[self.partner.profile]

    @property
    def sender(self) -> Sender:
        by_company = self.profile.partner_id_kind is PartnerIdKind.COMPANY_CODE
        return Sender(
            client_id=self.partner.client_id,
            partner_id=self.partner.company_code if by_company else self.partner.client_id,
            channel_id=self.profile.inbound_channel_id,
            secret=self.client_secret,
            private_key=self.key,
        )

    async def ask_token(
        self,
        *,
        content: bytes = GRANT,
        at: datetime | None = None,
        **headers: Any,
    ) -> httpx.Response:
        signed = sign_token_request(
            client_id=self.partner.client_id,
            private_key=self.key,
            profile=self.profile,
            at=at or clock.real_now(),
        )
        path = f"{self.profile.public_prefix}/access-token/b2b"
        return await self._post(path, content, changed(signed.headers, headers))

    async def take_token(self) -> str:
        if not self.token:
            self.token = (await self.ask_token()).json()["accessToken"]
        return self.token

    async def send(
        self,
        path: str,
        content: bytes,
        *,
        sent: bytes | None = None,
        at: datetime | None = None,
        number: str | None = None,
        token: str | None = None,
        prefix: str | None = None,
        **headers: Any,
    ) -> httpx.Response:
        """Sign `content` and send it, or send other bytes in its place."""
        target = (prefix or self.profile.public_prefix) + path
        signed = sign_transaction(
            self.profile,
            self.sender,
            target=target,
            body=content,
            at=at or clock.real_now(),
            external_id=number or external_id(),
            token=(token or await self.take_token()) if self.profile.needs_token else None,
        )
        self.last_body = content if sent is None else sent
        return await self._post(target, self.last_body, changed(signed.headers, headers))

    async def inquire(self, message: dict[str, Any], **how: Any) -> httpx.Response:
        return await self.send("/transfer-va/inquiry", json.dumps(message).encode(), **how)

    async def pay(self, message: dict[str, Any], **how: Any) -> httpx.Response:
        return await self.send("/transfer-va/payment", json.dumps(message).encode(), **how)

    async def _post(self, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.client.post(path, content=content, headers=headers)


def changed(headers: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    """Change headers by name with `_` for `-`; None takes one away."""
    known = {name.lower(): value for name, value in headers.items()}
    for name, value in changes.items():
        known.pop(name.replace("_", "-"), None)
        if value is not None:
            known[name.replace("_", "-")] = value
    return known


def ids_of(asked: BillOut | OrderOut, partner: BankPartner) -> dict[str, str]:
    """Return the three strings that name an account at this bank, as a bank pads them.

    asked: the order, or the bill if it is its only one; so too below.
    """
    account = next(each for each in asked.virtual_accounts if each.partner_id == partner.id)
    company = partner.company_code.rjust(8)
    return {
        "partnerServiceId": company,
        "customerNo": account.customer_no,
        "virtualAccountNo": company + account.customer_no,
    }


def inquiry_of(asked: BillOut | OrderOut, partner: BankPartner, **changes: Any) -> dict[str, Any]:
    """Return the message of an inquiry, with fields changed by their SNAP names."""
    return {
        **ids_of(asked, partner),
        "txnDateInit": clock.now().astimezone(JAKARTA).isoformat(timespec="seconds"),
        "channelCode": 6011,
        "language": "",
        "amount": None,
        "inquiryRequestId": str(new_id()),
        **changes,
    }


def payment_of(
    asked: BillOut | OrderOut, partner: BankPartner, *, amount: int | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the message of a payment flag, with fields changed by their SNAP names."""
    due = {"value": f"{asked.amount if amount is None else amount}.00", "currency": "IDR"}
    paid_at = clock.now().astimezone(JAKARTA) + timedelta(seconds=1)
    return {
        **ids_of(asked, partner),
        "virtualAccountName": "Siti Aminah",
        "paymentRequestId": str(new_id()),
        "channelCode": 6011,
        "paidAmount": due,
        "totalAmount": due,
        "trxDateTime": paid_at.isoformat(timespec="seconds"),
        "referenceNo": "00001136962",
        "flagAdvise": "N",
        **changes,
    }
