"""A bank that takes payments, a member, and a bill that can be paid there."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from payment_service_tests.partner_bank import make_offer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.bills import service as bills
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis
from payment_service.orders import service as orders
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.events.catalogue import AttributionPeriod

NAME = "Siti Aminah"
BANK_CODES = count(1)
"""Each partner is of another bank, since a bank gives a company code once."""
LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)


def make_period(**differences: Any) -> AttributionPeriod:
    """Build who cares for a member since long: an agent of Banyuwangi."""
    usual = {
        "from_date": LONG_AGO.date(),
        "agent_id": new_id(),
        "wadah_id": new_id(),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "agent_sees": True,
    }
    return AttributionPeriod.model_validate({**usual, **differences})


def make_basis(**differences: Any) -> ContributionBasis:
    """Build what member-service would say of a fisher with the least income.

    The fisher has been registered for long; this month is the first unpaid one.
    """
    usual: dict[str, Any] = {
        "member_id": new_id(),
        "display_name": NAME,
        "sector": Sector.OTHER,
        "declared_income": 1_000_000,
        "programmes": frozenset(Programme),
        "employs_others": False,
        "payer": Payer.SELF,
        "attribution_no": 1,
        "periods": [make_period()],
        "registration": {"covers_from": LONG_AGO},
        "settled_since": LONG_AGO,
        "offers": [make_offer(Month.of(clock.today()))],
        "declaration_needed": False,
        "not_billable": None,
    }
    return ContributionBasis(**{**usual, **differences})


async def make_partner(session: AsyncSession, **differences: Any) -> BankPartner:
    """Store a bank that takes payments."""
    now = clock.now()
    usual: dict[str, Any] = {
        "id": new_id(),
        "name": "Bank Uji",
        "profile": "generic-hmac",
        "status": PartnerStatus.ACTIVE,
        "company_code": "88001",
        "bank_code": f"{next(BANK_CODES) % 1000:03}",
        "client_id": str(new_id()),
        "client_secret": "not used here",
        "public_key_pem": "not used here",
        "allowed_sources": [],
        "created_at": now,
        "created_by": new_id(),
        "status_changed_at": now,
        "status_changed_by": new_id(),
        "changed_at": now,
        "changed_by": [new_id()],
        "version": 1,
    }
    partner = BankPartner(**{**usual, **differences})
    session.add(partner)
    await session.flush()
    return partner


async def issue_bill(
    session: AsyncSession,
    *,
    settings: Settings,
    first_month: Month | None = None,
    month_count: int = 1,
    basis: ContributionBasis | None = None,
    **differences: Any,
) -> BillOut:
    """Issue a bill for the present month at one bank, or as the differences say."""
    if not await session.scalar(select(func.count()).select_from(BankPartner)):
        await make_partner(session)
    basis = basis or make_basis(**differences)
    asked = NewBill(
        member_id=basis.member_id,
        first_month=first_month or Month.of(clock.today()),
        month_count=month_count,
    )
    issued = await orders.issue_bill(session, asked, basis, by=new_id(), settings=settings)
    return await bills.read(session, issued.bills[0])


@dataclass(frozen=True)
class Banking:
    """A bank that has joined, and the bill that can be paid there, if there is one."""

    partner_id: UUID
    client_secret: str
    bill: BillOut | None = None


@dataclass(frozen=True)
class Joined:
    """A step: a bank joins."""

    public_key_pem: str

    async def __call__(self, database: Database, _: None) -> Banking:
        client_secret = secrets.token_urlsafe(48)
        async with database.begin() as session:
            partner = await make_partner(
                session, client_secret=client_secret, public_key_pem=self.public_key_pem
            )
        return Banking(partner.id, client_secret)


@dataclass(frozen=True)
class Billed:
    """A step: a bill is issued."""

    settings: Settings

    async def __call__(self, database: Database, banking: Banking) -> Banking:
        async with database.begin() as session:
            return replace(banking, bill=await issue_bill(session, settings=self.settings))
