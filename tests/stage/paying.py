"""Payouts over real sockets: the sandbox's bank, our accounts there, and payees who are owed money.

The statements are of a closed month, so that a run can be proposed.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.models import WadahAgreement
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.ledger.models import Transfer
from payment_service.ledger.rules import (
    Account,
    AccountKind,
    CauseKind,
    TransferCode,
    incentive_expense,
)
from payment_service.payees.models import PayeeAccount
from payment_service.payees.rules import PayeeKind
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutAccountStatus, PayoutChannel
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.runtime.network import Network
from sandbox.fakebank.app import create_app
from snap_bi.profiles import PROFILES

MONTH = Month(2026, 10)
PAYEES_FILE = "payees.json"
BALANCE = 10**12
TRANSFER_MAX = 8_000_000
"""Less than a wadah may be owed: then it is paid in several transfers."""
WADAHS = 0.3
"""So many of the payees are wadahs that are paid for two agents and themselves."""
OTHER_BANK = "008"
HOLDER = "AGUS SALIM"
KEEP_ALIVE_S = 3600
"""The bank keeps the connection of the control API while the machine is too busy for us."""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    """Both sides' keys of all partners; their text is in files of the bank."""

    folder: Path
    our_pem: str

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        """Make the keys and the config file of a bank with a partner of every profile."""
        ours, theirs = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)
        )
        text = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "bank.pem").write_bytes(theirs.private_bytes(*text))
        public = ours.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "ours.pub.pem").write_bytes(public)
        entries = [
            {
                "partner_id": f"partner-{name}",
                "profile": name,
                "company_code": f"8800{number}",
                "bank_code": _bank_code(name),
                "client_id": f"client-{name}",
                "client_secret": "theirs",
                "private_key_file": "bank.pem",
                "our_public_key_file": "ours.pub.pem",
                "our_client_id": f"us-at-{name}",
                "our_client_secret": "ours",
                "gateway_base_url": "http://127.0.0.1:9",
            }
            for number, name in enumerate(PROFILES)
        ]
        (folder / "fakebank.json").write_text(json.dumps(entries))
        return cls(folder, ours.private_bytes(*text).decode())


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
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app({"PERISAI_FAKEBANK_CONFIG": str(keys.folder / "fakebank.json")})
    protocol = "perisai_kit.http.protocol:ServerProtocol"
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            lifespan="on",
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
    )
    running = asyncio.create_task(server.serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, transport=Network(), timeout=30) as control:
        yield PayingBank(url, control)
    server.should_exit = True
    await running


@dataclass(frozen=True)
class OurAccount:
    """An account of ours that payouts are sent from."""

    id: UUID
    account_no: str
    bank_code: str
    profile: str


@dataclass(frozen=True)
class Earner:
    """An agent or a wadah, with what the statements of some months came to, in rupiah.

    amounts: by month; below zero: more was taken back than earned.
    """

    kind: BeneficiaryKind
    id: UUID
    has_npwp: bool
    amounts: dict[Month, int]

    @property
    def owed(self) -> int:
        return sum(self.amounts.values())


@dataclass(frozen=True)
class Payee:
    """Who gets the money: an agent, or a wadah for its agents and itself."""

    kind: PayeeKind
    id: UUID
    wadah_id: UUID
    earners: tuple[Earner, ...]
    bank_account_id: UUID
    account_no: str
    bank_code: str

    @property
    def details(self) -> dict[str, Any]:
        """What agent-service answers about them and those they are paid for, by id."""
        account = {
            "bank_account_id": str(self.bank_account_id),
            "bank_code": self.bank_code,
            "account_no": self.account_no,
            "holder_name": HOLDER,
            "name_match": "match",
            "payouts_frozen_until": None,
        }
        return {
            str(each.id): {
                "holder_kind": each.kind.value,
                "holder_id": str(each.id),
                "legal_entity": True if each.kind is BeneficiaryKind.WADAH else None,
                "account": account if each.id == self.id else None,
                "tax": {
                    "tax_identity_id": str(each.id),
                    "npwp": "0123456789012345" if each.has_npwp else None,
                    "nik_status": "valid" if each.has_npwp else None,
                },
            }
            for each in self.earners
        }


@dataclass
class Owed:
    """The payees of one random course, all paid from one account of ours."""

    account: OurAccount
    payees: list[Payee] = field(default_factory=list)


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


def write_payees(folder: Path, owed: Sequence[Payee]) -> None:
    """Let agent-service, which the worker asks, know of these payees."""
    text = json.dumps({id_: known for each in owed for id_, known in each.details.items()})
    scratch = folder / "payees.new"
    scratch.write_text(text)
    scratch.replace(folder / PAYEES_FILE)


async def owe(
    session: AsyncSession, bank: PayingBank, account: OurAccount, random: Random, *, count: int
) -> Owed:
    """Store statements of so many payees, with their accounts at the bank or at another one."""
    owed = Owed(account)
    for _ in range(count):
        payee = _make_payee(account, random)
        await bank.post(
            "/accounts",
            bank_code=payee.bank_code,
            account_no=payee.account_no,
            holder_name=HOLDER,
        )
        session.add(_make_agreement(payee))
        for earner in payee.earners:
            for month, amount in earner.amounts.items():
                statement = _make_statement(payee, earner, month, amount)
                session.add_all([statement, _make_booking(statement)])
        session.add(
            PayeeAccount(
                bank_account_id=payee.bank_account_id,
                holder_kind=payee.kind,
                holder_id=payee.id,
                decided_at=LONG_AGO,
            )
        )
        owed.payees.append(payee)
    await session.flush()
    return owed


def _make_payee(account: OurAccount, random: Random) -> Payee:
    """Make an agent with one month, two months or a debt, or a wadah that is paid for agents."""
    wadah_id, last = new_id(), random.randrange(10_000, 4_000_000)
    shapes: list[tuple[int, ...]] = [(last,), (random.randrange(10_000, 4_000_000), last)]
    shapes.append((last, -random.randrange(1, last)))
    if random.random() < WADAHS:
        kind = PayeeKind.WADAH
        earners = [_make_earner(random, random.choice(shapes)) for _ in range(2)]
        own = (random.randrange(10_000, 4_000_000),)
        earners.append(_make_earner(random, own, wadah_id=wadah_id))
    else:
        kind = PayeeKind.AGENT
        earners = [_make_earner(random, random.choice(shapes))]
    return Payee(
        kind=kind,
        id=earners[-1].id,
        wadah_id=wadah_id,
        earners=tuple(earners),
        bank_account_id=new_id(),
        account_no=f"{random.randrange(10**12):012d}",
        bank_code=random.choice([account.bank_code, OTHER_BANK]),
    )


def _make_earner(random: Random, amounts: Sequence[int], *, wadah_id: UUID | None = None) -> Earner:
    months = (MONTH.plus(-back) for back in reversed(range(len(amounts))))
    return Earner(
        kind=BeneficiaryKind.AGENT if wadah_id is None else BeneficiaryKind.WADAH,
        id=wadah_id or new_id(),
        has_npwp=random.random() < 0.5,
        amounts=dict(zip(months, amounts, strict=True)),
    )


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


def _make_booking(statement: Statement) -> Transfer:
    expense = str(incentive_expense(statement.month))
    payable = str(Account(AccountKind.INCENTIVE_PAYABLE, (str(statement.beneficiary_id),)))
    is_accrued = statement.amount > 0
    return Transfer(
        debit_account=expense if is_accrued else payable,
        credit_account=payable if is_accrued else expense,
        amount=abs(statement.amount),
        code=TransferCode.INCENTIVE_ACCRUED if is_accrued else TransferCode.INCENTIVE_REVERSED,
        cause_kind=CauseKind.STATEMENT,
        cause_id=statement.id,
        business_on=LONG_AGO.date(),
        booked_at=LONG_AGO,
    )


def _make_statement(payee: Payee, earner: Earner, month: Month, amount: int) -> Statement:
    parts = amount * 10_000
    is_wadah = earner.kind is BeneficiaryKind.WADAH
    before = sum(each for earlier, each in earner.amounts.items() if earlier < month)
    return Statement(
        id=new_id(),
        month=month,
        beneficiary_kind=earner.kind,
        beneficiary_id=earner.id,
        wadah_id=payee.wadah_id,
        branch_code="BWI",
        region_code="JTM",
        line_count=1,
        contribution_parts=0 if is_wadah else parts,
        acquisition_parts=0,
        override_parts=parts if is_wadah else 0,
        brought_parts=0,
        total_parts=before * 10_000 + parts,
        amount=amount,
        brought_debt=0,
        held_reason=None,
        issued_at=LONG_AGO,
    )


def _make_agreement(payee: Payee) -> WadahAgreement:
    is_wadah = payee.kind is PayeeKind.WADAH
    return WadahAgreement(
        agreement_id=new_id(),
        wadah_id=payee.wadah_id,
        starts_on=LONG_AGO.date(),
        ends_on=LONG_AGO.date(),
        pays=PaymentMethod.WADAH if is_wadah else PaymentMethod.AGENTS,
    )
