"""A bank that moves our money, or does what banks do instead, and payouts of a released run."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.clients.banks import BankClients
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
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

BANK_CODE = "014"
SOURCE_NO = "8880001112"
HOLDER = "Siti Aminah"
MONTH = Month.parse("2026-10")
GROSS = 1_000_000
NET = 975_000
"""An agent with NPWP pays 2.5 per cent: half of the gross at five per cent."""
WHO_AND_WHEN = {
    "created_at",
    "created_by",
    "status_changed_at",
    "status_changed_by",
    "changed_at",
    "changed_by",
    "version",
}
AT_NOON = datetime(2026, 11, 4, 12, tzinfo=JAKARTA)
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE_KEY = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Killed(BaseException):
    """Our process dies here: nothing of ours handles it."""


@dataclass
class Order:
    """A transfer as the bank knows it. is_executed: whether it has debited us."""

    body: dict[str, Any]
    external_id: str
    booked_at: datetime
    is_executed: bool
    returned: bool = False

    @property
    def amount(self) -> dict[str, str]:
        found: dict[str, str] = self.body["amount"]
        return found


@dataclass
class Bank:
    """Answers the transfers by a script, one behaviour each, and everything else honestly.

    script: `ok`; `lost`, executed and no answer; `unheard`, neither; `garbage`, `foreign`,
    `killed` and `killed_before`: what their names say; or a code such as `4291700`, not executed.
    With `+` before a code it is executed nevertheless. statuses: of service 36, in their order; an
    honest answer when there is none left.
    """

    script: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    funds: int | None = 10**12
    name: str | None = HOLDER
    has_statement: bool = True
    is_issuing_tokens: bool = True
    remark: Callable[[str], str] = lambda remark: remark
    before_transfer: Callable[[], None] = lambda: None
    hangs: asyncio.Event | None = None
    """Set once a transfer is executed whose answer never comes."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/access-token/b2b"):
            if not self.is_issuing_tokens:
                raise httpx.ConnectError("no bank")
            return httpx.Response(200, json={"accessToken": "t", "expiresIn": "900"})
        body = json.loads(request.content)
        called = path.rsplit("/snap/v1.0/", 1)[-1].rsplit("/v1.0/", 1)[-1].rsplit("/v2.0/", 1)[-1]
        self.calls.append(called)
        match called:
            case "transfer-intrabank" | "transfer-interbank":
                service = "17" if called == "transfer-intrabank" else "18"
                answer = self._transfer(body, request.headers["X-EXTERNAL-ID"], service)
                if self.hangs is not None:
                    self.hangs.set()
                    await asyncio.Event().wait()
                return answer
            case "transfer/status":
                return self._tell_status(body)
            case "balance-inquiry":
                return self._tell_balance()
            case "bank-statement":
                return self._tell_statement()
        return self._tell_name(called, body)

    @property
    def executed(self) -> list[Order]:
        return [order for order in self.orders if order.is_executed]

    @property
    def transfers(self) -> int:
        return sum(call.startswith("transfer-") for call in self.calls)

    def give_back(self, order: Order) -> None:
        order.returned = True

    def _transfer(self, body: dict[str, Any], external_id: str, service: str) -> httpx.Response:
        self.before_transfer()
        behaviour = self.script.pop(0) if self.script else "ok"
        if behaviour == "killed_before":
            raise Killed
        is_executed = behaviour in {"ok", "lost", "garbage", "foreign", "killed"}
        is_executed = is_executed or behaviour.startswith("+")
        if behaviour != "unheard":
            now = clock.real_now()
            self.orders.append(Order(body, external_id, now, is_executed))
        return _answer(behaviour.lstrip("+"), body, service)

    def _tell_status(self, body: dict[str, Any]) -> httpx.Response:
        reference = body["originalPartnerReferenceNo"]
        known = [o for o in self.orders if o.body["partnerReferenceNo"] == reference]
        status = self.statuses.pop(0) if self.statuses else None
        if status == "lost":
            raise httpx.ReadTimeout("no answer")
        if status is None and not known:
            status = "4043601"
        if status is not None and len(status) == 7:
            return httpx.Response(int(status[:3]), json={"responseCode": status})
        order = known[-1] if known else None
        if status is None and order is not None:
            status = "04" if order.returned else "00" if order.is_executed else "06"
        told = "of another transfer" if status == "foreign" else reference
        return httpx.Response(
            200,
            json={
                "responseCode": "2003600",
                "latestTransactionStatus": "00" if status == "foreign" else status,
                "originalPartnerReferenceNo": told,
                "originalExternalId": body["originalExternalId"],
                "serviceCode": body["serviceCode"],
                "amount": body["amount"],
                "referenceNumber": "R-1",
            },
        )

    def _tell_balance(self) -> httpx.Response:
        if self.funds is None:
            return httpx.Response(504)
        amount = {"value": f"{self.funds}.00", "currency": "IDR"}
        accounts = [{"balanceType": "Cash", "availableBalance": amount}]
        return httpx.Response(
            200,
            json={"responseCode": "2001100", "accountNo": SOURCE_NO, "accountInfos": accounts},
        )

    def _tell_statement(self) -> httpx.Response:
        if not self.has_statement:
            return httpx.Response(500, json={"responseCode": "5001400"})
        rows = []
        for order in self.executed:
            rows.append(self._row(order, "DEBIT"))
            if order.returned:
                rows.append(self._row(order, "CREDIT"))
        return httpx.Response(
            200, json={"responseCode": "2001400", "hasMore": "N", "detailData": rows}
        )

    def _row(self, order: Order, kind: str) -> dict[str, object]:
        booked = order.booked_at.astimezone(JAKARTA)
        return {
            "amount": order.amount,
            "transactionDate": booked.isoformat(timespec="seconds"),
            "remark": self.remark(order.body.get("remark", "")),
            "type": kind,
        }

    def _tell_name(self, called: str, body: dict[str, Any]) -> httpx.Response:
        service = "15" if called == "account-inquiry-internal" else "16"
        if self.name is None:
            return httpx.Response(404, json={"responseCode": f"404{service}11"})
        return httpx.Response(
            200,
            json={
                "responseCode": f"200{service}00",
                "beneficiaryAccountNo": body["beneficiaryAccountNo"],
                "beneficiaryAccountName": self.name,
            },
        )


def _answer(behaviour: str, body: dict[str, Any], service: str) -> httpx.Response:
    match behaviour:
        case "ok" | "foreign":
            reference = body["partnerReferenceNo"] if behaviour == "ok" else "of another transfer"
            stated = {
                "responseCode": f"200{service}00",
                "referenceNo": "R-1",
                "partnerReferenceNo": reference,
                "amount": body["amount"],
            }
            return httpx.Response(200, json=stated)
        case "lost":
            raise httpx.ReadTimeout("no answer")
        case "unheard":
            raise httpx.ConnectError("no connection")
        case "garbage":
            return httpx.Response(200, content=b"<html>")
        case "killed":
            raise Killed
    return httpx.Response(int(behaviour[:3]), json={"responseCode": behaviour})


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
        for order in self.bank.orders:
            order.booked_at -= timedelta(**span)

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


async def make_account(session: AsyncSession, **differences: Any) -> PayoutAccount:
    """Store a bank and an active account of ours there."""
    now, by = clock.now(), new_id()
    profile = differences.pop("profile", "generic-hmac")
    partner = BankPartner(id=new_id())
    values: dict[str, Any] = {
        "name": "Bank Uji",
        "profile": profile,
        "status": "active",
        "company_code": str(new_id().int % 100_000),
        "bank_code": differences.pop("bank_code", BANK_CODE),
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
        "created_at": now,
        "created_by": by,
        "status_changed_at": now,
        "status_changed_by": by,
        "changed_at": now,
        "changed_by": [new_id()],
        "version": 1,
    }
    for name, value in values.items():
        setattr(partner, name, value)
    session.add(partner)
    await session.flush()
    usual: dict[str, Any] = {
        "name": "Operating account",
        "bank_partner_id": partner.id,
        "bank_code": partner.bank_code,
        "channel": PayoutChannel.SNAP,
        "account_no": SOURCE_NO,
        "daily_cap": 10**11,
        "transfer_max": 10**9,
        "batch_max": 1_000,
        "cut_off": time(15),
        "status": PayoutAccountStatus.ACTIVE,
        **{name: value for name, value in values.items() if name in WHO_AND_WHEN},
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
    agent_id, payout_id = new_id(), new_id()
    statement = await _make_statement(session, agent_id, gross)
    item_id = new_id()
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
    payout = Payout(id=payout_id)
    for name, value in {
        "run_id": run.id,
        "payout_account_id": account.id,
        "payee_kind": PayoutPayee.AGENT,
        "payee_id": agent_id,
        "month": MONTH,
        "gross": gross,
        "tax": tax,
        "amount": gross - tax,
        "bank_account_id": new_id(),
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
            payout_id=payout_id,
            statement_id=statement.id,
            month=MONTH,
            beneficiary_kind=BeneficiaryKind.AGENT,
            beneficiary_id=agent_id,
            gross=gross,
            tax=tax,
            is_live=True,
        )
    )
    return await make_transfer(session, payout)


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
    statement = Statement(
        id=new_id(),
        month=MONTH,
        beneficiary_kind=BeneficiaryKind.AGENT,
        beneficiary_id=agent_id,
        wadah_id=new_id(),
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
