"""Payouts over real sockets: the sandbox's bank, and our accounts there.

MONTH is a closed one, so that a run through it can be proposed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from stage.bank_files import make_key, to_pem, write_bank_files

from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutAccountStatus, PayoutChannel
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.server import serve
from sandbox.demo.clients import open_client
from sandbox.fakebank.app import create_app
from snap_bi.profiles import PROFILES

MONTH = Month(2026, 10)
BALANCE = 10**12
TRANSFER_MAX = 8_000_000
"""Less than a wadah may be owed: then it is paid in several transfers."""
KEEP_ALIVE_S = 3600
"""The bank keeps the connection of the control API while the machine is too busy for us."""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    """The config file of a bank, beside which its keys are, and our key."""

    config: Path
    our_pem: str

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        """Make the keys and the config file of a bank with a partner of every profile."""
        ours = make_key()
        config = write_bank_files(
            folder,
            bank_key=make_key(),
            our_key=ours,
            company_codes={name: f"8800{number}" for number, name in enumerate(PROFILES)},
            bank_codes={name: _bank_code(name) for name in PROFILES},
            gateway_url="http://127.0.0.1:9",
        )
        return cls(config, to_pem(ours).decode())


@dataclass
class PayingBank:
    """The bank's control API and address."""

    url: str
    control: httpx.AsyncClient

    async def post(self, path: str, **body: Any) -> None:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text

    async def read(self, path: str) -> list[dict[str, Any]]:
        answer = await self.control.get(path)
        assert answer.is_success
        found: list[dict[str, Any]] = answer.json()
        return found


@asynccontextmanager
async def paying_bank(keys: Keys) -> AsyncIterator[PayingBank]:
    """Run the bank on a socket, without a file for its money: its banks are many and small."""
    app = create_app({"PERISAI_FAKEBANK_CONFIG": str(keys.config)})
    async with serve(app, keep_alive_s=KEEP_ALIVE_S) as port:
        url = f"http://127.0.0.1:{port}"
        async with open_client(url) as control:
            yield PayingBank(url, control)


@dataclass(frozen=True)
class OurAccount:
    """An account of ours that payouts are sent from."""

    id: UUID
    account_no: str
    bank_code: str
    profile: str


async def open_accounts(session: AsyncSession, bank: PayingBank, keys: Keys) -> list[OurAccount]:
    """Store a bank partner of each profile, with an account of ours that has enough money."""
    made = []
    for number, (name, profile) in enumerate(PROFILES.items()):
        partner = _make_partner(name, bank, keys, company_code=f"8800{number}")
        session.add(partner)
        await session.flush()
        account = OurAccount(new_id(), f"888000{number:04d}", partner.bank_code, profile.name)
        session.add(_make_account(account, partner))
        await bank.post("/paying-accounts", account_no=account.account_no, balance=BALANCE)
        made.append(account)
    await session.flush()
    return made


def _bank_code(profile: str) -> str:
    return {"bca": "014", "bri": "002"}.get(profile, f"9{len(profile):02d}")


def _make_partner(name: str, bank: PayingBank, keys: Keys, *, company_code: str) -> BankPartner:
    return BankPartner(
        id=new_id(),
        name=f"Bank {name}",
        profile=name,
        status=PartnerStatus.ACTIVE,
        company_code=company_code,
        bank_code=_bank_code(name),
        client_id=f"client-{name}",
        client_secret="theirs",
        public_key_pem="not used here",
        allowed_sources=[],
        base_url=bank.url,
        outbound_client_id=f"us-at-{name}",
        outbound_client_secret="ours",
        outbound_private_key_pem=keys.our_pem,
        x_partner_id=f"us-at-{name}",
        channel_id=PROFILES[name].outbound_channel_id,
        created_at=LONG_AGO,
        created_by=new_id(),
        status_changed_at=LONG_AGO,
        status_changed_by=new_id(),
        changed_at=LONG_AGO,
        changed_by=[new_id()],
        version=1,
    )


def _make_account(account: OurAccount, partner: BankPartner) -> PayoutAccount:
    needs_corporate_id = PROFILES[partner.profile].transfers.needs_corporate_id
    return PayoutAccount(
        id=account.id,
        name="Rekening operasional",
        bank_partner_id=partner.id,
        bank_code=partner.bank_code,
        channel=PayoutChannel.SNAP,
        account_no=account.account_no,
        corporate_id="KBBSTAGE" if needs_corporate_id else None,
        file_format=None,
        daily_cap=BALANCE,
        transfer_max=TRANSFER_MAX,
        batch_max=1_000,
        cut_off=time.max,
        status=PayoutAccountStatus.ACTIVE,
        created_at=LONG_AGO,
        created_by=new_id(),
        status_changed_at=LONG_AGO,
        status_changed_by=new_id(),
        changed_at=LONG_AGO,
        changed_by=[new_id()],
        version=1,
    )
