"""Payees with bank accounts, an account of ours, and two officers and a worker who pay them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID

import httpx
from payment_service_tests.village import Village, apply_events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutAccountStatus, PayoutChannel
from payment_service.payout_preparations.tasks import Preparer
from payment_service.payout_releases.tasks import Releaser
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_runs.rules import RunVerdict
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import Report, TransferSource
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.settings import Settings
from payment_service.statement_holds.tasks import on_agents_dismissed
from payment_service.verifications import service as verifications
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.events.catalogue import AgentDismissed, BankAccountChanged, WadahAgreementSigned

OUR_BANK = "014"
BY_BANK = Report(TransferSource.BANK_ANSWER, response_code="2001800", reference_no="BANK-1")
REFUSED = Report(TransferSource.BANK_ANSWER, response_code="4041811")

HolderKind = Literal["agent", "wadah"]


@dataclass
class PayeeBook:
    """What agent-service knows of payees; `answer` is its side of the network."""

    known: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path != "/v1/payees":
            return httpx.Response(200, json={"items": []})
        self.asked.append(body["holder_ids"])
        ids = [UUID(each) for each in body["holder_ids"]]
        return httpx.Response(
            200, json={"items": [self.known[id_] for id_ in ids if id_ in self.known]}
        )

    def add(
        self,
        holder_id: UUID,
        kind: HolderKind = "agent",
        *,
        npwp: str | None = "1234567890123456",
        bank_code: str = "002",
        name_match: str = "match",
        frozen_until: datetime | None = None,
        legal_entity: bool | None = None,
    ) -> UUID:
        """Let a payee have another verified account; return its id."""
        bank_account_id = new_id()
        self.known[holder_id] = {
            "holder_kind": kind,
            "holder_id": str(holder_id),
            "legal_entity": legal_entity,
            "account": {
                "bank_account_id": str(bank_account_id),
                "bank_code": bank_code,
                "account_no": f"{holder_id.int % 10**10:010}",
                "holder_name": "Penerima Uji",
                "name_match": name_match,
                "verified_at": "2025-01-01T00:00:00Z",
                "payouts_frozen_until": frozen_until.isoformat() if frozen_until else None,
            },
            "tax": {
                "tax_identity_id": str(new_id()),
                "npwp": npwp,
                "nik_status": "valid" if kind == "agent" else None,
                "holds_from": "2025-01-01",
            },
        }
        return bank_account_id

    def tell(self, holder_id: UUID, *, at: datetime) -> BankAccountChanged:
        """Return the event of the current account of a payee."""
        known = self.known[holder_id]
        return BankAccountChanged(
            holder_kind=known["holder_kind"],
            holder_id=holder_id,
            bank_account_id=known["account"]["bank_account_id"],
            payouts_frozen_until=known["account"]["payouts_frozen_until"],
            decided_at=at,
        )


async def know(
    session: AsyncSession, book: PayeeBook, *villages: Village, pays: PaymentMethod
) -> None:
    """Let villages have agreements that say who is paid, and verified accounts."""
    for each in villages:
        each.decided.append(sign_agreement(each.wadah_id, pays=pays))
        book.add(each.agent_id)
        book.add(each.wadah_id, "wadah", legal_entity=True)
        at = datetime(2025, 1, 2, tzinfo=UTC)
        await apply_events(
            session, [book.tell(each.agent_id, at=at), book.tell(each.wadah_id, at=at)]
        )


def sign_agreement(wadah_id: UUID, *, pays: PaymentMethod) -> WadahAgreementSigned:
    """Return the event of an agreement with a wadah that says who is paid."""
    return WadahAgreementSigned(
        wadah_id=wadah_id,
        agreement_id=new_id(),
        pays=pays,
        starts_on=date(2025, 1, 1),
        ends_on=date(2026, 12, 31),
    )


async def dismiss(session: AsyncSession, agent_id: UUID) -> None:
    """Let an agent be dismissed for fraud."""
    dismissed = AgentDismissed(
        agent_id=agent_id, account_id=new_id(), reason_code="fraud", decided_at=clock.now()
    )
    await on_agents_dismissed(session, [dismissed])


async def open_account(session: AsyncSession, **differences: Any) -> PayoutAccount:
    """Store an account of ours that may be paid from."""
    now = clock.now()
    usual: dict[str, Any] = {
        "id": new_id(),
        "name": "Rekening operasional",
        "bank_code": OUR_BANK,
        "channel": PayoutChannel.FILE,
        "account_no": "1234567890",
        "file_format": "generic-csv",
        "daily_cap": 5_000_000_000,
        "transfer_max": 250_000_000,
        "batch_max": 1_000,
        "cut_off": time(15),
        "status": PayoutAccountStatus.ACTIVE,
        "created_at": now,
        "created_by": new_id(),
        "status_changed_at": now,
        "status_changed_by": new_id(),
        "changed_at": now,
        "changed_by": [new_id()],
        "version": 1,
    }
    account = PayoutAccount(**{**usual, **differences})
    session.add(account)
    await session.flush()
    return account


async def verify_all(database: Database) -> None:
    """Make the verifications of closed months that have none, as the worker does."""
    async with database.read() as session:
        due = await verifications.list_due(session, limit=100)
    for each in due:
        await verifications.verify(database, each.month)


@dataclass(frozen=True)
class Office:
    """Officers who propose, approve and release, and the worker between them."""

    database: Database
    settings: Settings
    payees: PayeesClient

    async def prepare(self, account_id: UUID, through: Month, *, batch: int = 2) -> UUID:
        """Let what is closed be verified, a run be proposed, and the worker prepare it.

        Return its id.
        """
        await verify_all(self.database)
        async with self.database.begin() as session:
            run = await runs.propose(
                session, through_month=through, payout_account_id=account_id, by=new_id()
            )
            run_id = run.id
        await self.work(batch=batch)
        return run_id

    async def approve(self, run_id: UUID) -> None:
        async with self.database.begin() as session:
            await runs.decide(session, run_id, verdict=RunVerdict.APPROVED, by=new_id())

    async def release(self, run_id: UUID) -> None:
        """Approve a run, release it, and let the worker check it once more."""
        await self.approve(run_id)
        async with self.database.begin() as session:
            await runs.release(session, run_id, by=new_id())
        await self.work()

    async def work(self, *, batch: int = 2) -> None:
        """Let the worker prepare and release what waits, where its questions find something."""
        for task in (
            Preparer(self.settings, self.payees, batch=batch),
            Releaser(self.payees, batch=batch),
        ):
            async with self.database.read() as session:
                is_due = await task.is_due(session)
            while is_due:
                is_due = await task.run(self.database)

    async def find(self, run_id: UUID) -> PayoutRun:
        async with self.database.begin() as session:
            return (await runs.get(session, run_id)).run


async def list_transfers(session: AsyncSession, run_id: UUID) -> list[PayoutTransfer]:
    """Return the attempts of a run, by payee and attempt."""
    found = (
        select(PayoutTransfer)
        .join(Payout, Payout.id == PayoutTransfer.payout_id)
        .where(Payout.run_id == run_id)
        .order_by(Payout.payee_id, PayoutTransfer.attempt)
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(found))


async def send(session: AsyncSession, transfer_id: UUID) -> None:
    """Mark an attempt as sent, as the sender does before it calls the bank."""
    await payouts.mark_sent(
        session,
        transfer_id,
        external_id=str(new_id().int)[:32],
        request_timestamp=clock.real_now(),
        next_inquiry_at=None,
    )


async def pay(session: AsyncSession, run_id: UUID) -> None:
    """Send all attempts of a run that wait, and let the bank pay them."""
    for each in await list_transfers(session, run_id):
        if each.status == "created":
            await send(session, each.id)
            await payouts.mark_paid(session, each.id, BY_BANK)


async def pay_out(
    session: AsyncSession, office: Office, account: PayoutAccount, through: Month
) -> UUID:
    """Prepare a run, release it and let the bank pay it; return its id."""
    run_id = await office.prepare(account.id, through)
    await office.release(run_id)
    await pay(session, run_id)
    return run_id
