"""Payouts of a released run, what sends and settles them, and a bank of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from payment_service_tests.office import sign_agreement
from payment_service_tests.payout_bank import HOLDER, SOURCE_NO, Bank
from payment_service_tests.village import apply_events
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.clients.banks import BankClients
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.payees import service as payees
from payment_service.payees.rules import PayeeKind
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutAccountStatus, PayoutChannel
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_runs.rules import RunKind, RunStatus
from payment_service.payout_sending.sending import Sender
from payment_service.payout_settlement.asking import Settler
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus, choose_service
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutPayee
from payment_service.settings import Settings
from payment_service.taxes import service as taxes
from payment_service.taxes.rules import TaxIdentity, TaxPolicy
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.events.catalogue import BankAccountChanged

BANK_CODE = "014"
CORPORATE_ID = "KBBPERISAI"
MONTH = Month.parse("2026-10")
GROSS = 1_000_000
NET = 975_000
"""An agent with NPWP pays 2.5 per cent: half of the gross at five per cent."""
AT_NOON = datetime(2026, 11, 4, 12, tzinfo=JAKARTA)
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE_KEY = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class World:
    """The sender, the settler and the bank that they call."""

    database: Database
    bank: Bank
    settings: Settings

    def __post_init__(self) -> None:
        self.clients = BankClients(
            transport=httpx.MockTransport(self.bank), timeout_s=5, sandbox=True
        )
        self.sender = Sender(self.clients, self.settings)
        self.settler = Settler(self.clients, self.settings)

    async def send(self, transfer_id: UUID, database: Database | None = None) -> None:
        await self.sender.send(database or self.database, {"transfer_id": str(transfer_id)})

    async def ask(self, transfer_id: UUID, database: Database | None = None) -> None:
        await self.settler.inquire(database or self.database, {"transfer_id": str(transfer_id)})

    async def find(self, transfer_id: UUID) -> PayoutTransfer:
        async with self.database.read() as session:
            return await session.get_one(PayoutTransfer, transfer_id, populate_existing=True)

    async def status(self, transfer_id: UUID) -> TransferStatus:
        return (await self.find(transfer_id)).status

    async def last(self, payout_id: UUID) -> PayoutTransfer:
        async with self.database.read() as session:
            chosen = select(PayoutTransfer).where(PayoutTransfer.payout_id == payout_id)
            ordered = chosen.order_by(PayoutTransfer.attempt.desc()).limit(1)
            return (await session.scalars(ordered)).one()

    async def execute(self, statement: str, **values: object) -> None:
        async with self.database.begin() as session:
            await session.execute(text(statement), values)

    async def age(self, transfer_id: UUID, **span: float) -> None:
        """Let a transfer have been sent so long before."""
        await self.execute(
            "UPDATE payout_transfers SET request_timestamp = request_timestamp -"
            " make_interval(secs => :span), sent_at = sent_at - make_interval(secs => :span)"
            " WHERE id = :id",
            span=timedelta(**span).total_seconds(),
            id=transfer_id,
        )
        reference = (await self.find(transfer_id)).partner_reference_no
        for order in self.bank.orders:
            if order.body["partnerReferenceNo"] != reference:
                continue
            order.booked_at -= timedelta(**span)
            if order.returned_at is not None:
                order.returned_at -= timedelta(**span)

    async def count_paid(self) -> int:
        """Sum what is booked as paid and not as returned, in rupiah."""
        async with self.database.read() as session:
            found = await session.scalar(
                text(
                    "SELECT coalesce(sum(CASE code WHEN 'incentive_paid' THEN amount"
                    " ELSE -amount END), 0) FROM ledger_transfers"
                    " WHERE code IN ('incentive_paid', 'incentive_returned')"
                )
            )
        return int(found or 0)

    async def list_events(self) -> list[str]:
        async with self.database.read() as session:
            found = await session.scalars(
                text("SELECT type FROM events WHERE type LIKE 'payout.%' ORDER BY seq")
            )
            return list(found)


def _make_partner(profile: str) -> BankPartner:
    partner = BankPartner(id=new_id())
    values: dict[str, Any] = {
        "name": "Bank Uji",
        "profile": profile,
        "status": "active",
        "company_code": str(new_id().int % 100_000),
        "bank_code": BANK_CODE,
        "client_id": str(new_id()),
        "client_secret": "a secret of the test",
        "public_key_pem": "not used here",
        "allowed_sources": [],
        "base_url": "https://bank.example",
        "outbound_client_id": "us",
        "outbound_client_secret": "a secret of the test",
        "outbound_private_key_pem": PRIVATE_KEY,
        "x_partner_id": "12345",
        "channel_id": "95051",
        **_who_and_when(),
    }
    for name, value in values.items():
        setattr(partner, name, value)
    return partner


def _who_and_when() -> dict[str, Any]:
    now = clock.now()
    return {
        "created_at": now,
        "created_by": new_id(),
        "status_changed_at": now,
        "status_changed_by": new_id(),
        "changed_at": now,
        "changed_by": [new_id()],
        "version": 1,
    }


async def make_account(
    session: AsyncSession, *, profile: str = "generic-hmac", **differences: Any
) -> PayoutAccount:
    """Store a bank and an active account of ours there."""
    partner = _make_partner(profile)
    session.add(partner)
    await session.flush()
    usual: dict[str, Any] = {
        "name": "Operating account",
        "bank_partner_id": partner.id,
        "bank_code": partner.bank_code,
        "channel": PayoutChannel.SNAP,
        "account_no": SOURCE_NO,
        "corporate_id": CORPORATE_ID if profile == "bca" else None,
        "daily_cap": 10**11,
        "transfer_max": 10**9,
        "batch_max": 1_000,
        "cut_off": time(15),
        "status": PayoutAccountStatus.ACTIVE,
        **_who_and_when(),
    }
    account = PayoutAccount(id=new_id())
    for name, value in {**usual, **differences}.items():
        setattr(account, name, value)
    session.add(account)
    await session.flush()
    return account


async def make_run(session: AsyncSession, account: PayoutAccount, **differences: Any) -> PayoutRun:
    """Store a run that was released."""
    now, first, second = clock.now(), new_id(), new_id()
    usual: dict[str, Any] = {
        "id": new_id(),
        "kind": RunKind.INCENTIVES,
        "through_month": MONTH,
        "payout_account_id": account.id,
        "status": RunStatus.RELEASED,
        "figures": {},
        "proposed_by": first,
        "proposed_at": now,
        "prepared_at": now,
        "decided_by": second,
        "decided_at": now,
        "released_by": second,
        "released_at": now,
        "failure_count": 0,
    }
    run = PayoutRun(**{**usual, **differences})
    session.add(run)
    await session.flush()
    return run


async def make_payout(
    session: AsyncSession,
    account: PayoutAccount,
    run: PayoutRun | None = None,
    *,
    gross: int = GROSS,
    to_bank: str = BANK_CODE,
) -> UUID:
    """Store a payout of an agent with one statement and a transfer that waits; return its id."""
    run = run or await make_run(session, account)
    payout, item_id, bank_account_id = Payout(id=new_id()), new_id(), new_id()
    statement = await _make_statement(session, new_id(), gross)
    await change_bank_account(session, statement.beneficiary_id, bank_account_id)
    tax = await _compute_tax(session, payout.id, statement.beneficiary_id, item_id, gross)
    for name, value in {
        "run_id": run.id,
        "payout_account_id": account.id,
        "payee_kind": PayoutPayee.AGENT,
        "payee_id": statement.beneficiary_id,
        "month": MONTH,
        "gross": gross,
        "tax": tax,
        "amount": gross - tax,
        "bank_account_id": bank_account_id,
        "bank_code": to_bank,
        "account_no": "1234567890",
        "holder_name": HOLDER,
        "status": TransferStatus.CREATED,
        "created_at": clock.now(),
    }.items():
        setattr(payout, name, value)
    session.add(payout)
    await session.flush()
    session.add(
        PayoutItem(
            id=item_id,
            payout_id=payout.id,
            statement_id=statement.id,
            month=MONTH,
            beneficiary_kind=BeneficiaryKind.AGENT,
            beneficiary_id=statement.beneficiary_id,
            gross=gross,
            tax=tax,
            is_live=True,
        )
    )
    return await make_transfer(session, payout)


async def change_bank_account(session: AsyncSession, agent_id: UUID, account_id: UUID) -> None:
    """Let an agent have this verified account."""
    changed = BankAccountChanged(
        holder_kind="agent",
        holder_id=agent_id,
        bank_account_id=account_id,
        payouts_frozen_until=None,
        decided_at=clock.now(),
    )
    await payees.take_accounts(session, [changed])


async def _compute_tax(
    session: AsyncSession, payout_id: UUID, agent_id: UUID, item_id: UUID, gross: int
) -> int:
    earning = taxes.Earning(
        payout_id=payout_id,
        payee_kind=PayeeKind.AGENT,
        payee_id=agent_id,
        beneficiary_kind=BeneficiaryKind.AGENT,
        beneficiary_id=agent_id,
        legal_entity=None,
        identity=TaxIdentity(new_id(), has_npwp=True),
        items={item_id: gross},
    )
    on = clock.today()
    (tax,) = (await taxes.compute(session, [earning], on=on, policy=TaxPolicy())).values()
    return tax


async def make_transfer(session: AsyncSession, payout: Payout) -> UUID:
    transfer, change = transfers.make(
        payout_id=payout.id,
        payout_account_id=payout.payout_account_id,
        attempt=1,
        amount=payout.amount,
        service_code=choose_service(from_bank=BANK_CODE, to_bank=payout.bank_code),
        at=clock.now(),
    )
    session.add(transfer)
    await session.flush()
    session.add(change)
    await session.flush()
    return transfer.id


async def make_payouts(database: Database, count: int, **differences: Any) -> Sequence[UUID]:
    """Store so many payouts of one run; return the ids of their transfers."""
    async with database.begin() as session:
        account = await make_account(session, **differences)
        run = await make_run(session, account)
        return [await make_payout(session, account, run) for _ in range(count)]


async def _make_statement(session: AsyncSession, agent_id: UUID, amount: int) -> Statement:
    wadah_id = new_id()
    await apply_events(session, [sign_agreement(wadah_id, pays=PaymentMethod.AGENTS)])
    statement = Statement(
        id=new_id(),
        month=MONTH,
        beneficiary_kind=BeneficiaryKind.AGENT,
        beneficiary_id=agent_id,
        wadah_id=wadah_id,
        branch_code="BWI",
        region_code="JATIM",
        line_count=1,
        contribution_parts=amount * 10_000,
        acquisition_parts=0,
        override_parts=0,
        brought_parts=0,
        total_parts=amount * 10_000,
        amount=amount,
        brought_debt=0,
        issued_at=clock.now(),
    )
    session.add(statement)
    await session.flush()
    return statement
