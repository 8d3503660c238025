"""Statements of a month, and what decides who is paid for them, as rows."""

from datetime import date, datetime
from uuid import UUID

from payment_service_tests.village import noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.models import WadahAgreement, WadahTermination
from payment_service.agents.rules import HeldReason
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import service as holds
from payment_service.incentive_statements import queries
from payment_service.incentive_statements.models import Statement
from payment_service.payees.models import PayeeAccount
from payment_service.payees.rules import PayeeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

NOVEMBER = Month(2025, 11)
CLOSED_AT = noon(NOVEMBER.plus(1), 3)
"""When the statements of `NOVEMBER` were made."""


def make_statement(
    *,
    wadah_id: UUID,
    agent_id: UUID | None = None,
    month: Month = NOVEMBER,
    amount: int = 1_000,
    brought_debt: int = 0,
    held_reason: HeldReason | None = None,
    branch_code: str = "BWI",
) -> Statement:
    """Make a statement of an agent, or of the wadah itself."""
    kind = BeneficiaryKind.WADAH if agent_id is None else BeneficiaryKind.AGENT
    return Statement(
        id=new_id(),
        month=month,
        beneficiary_kind=kind,
        beneficiary_id=agent_id or wadah_id,
        wadah_id=wadah_id,
        branch_code=branch_code,
        region_code="JTM",
        line_count=1,
        contribution_parts=amount * 10_000,
        acquisition_parts=0,
        override_parts=0,
        brought_parts=0,
        total_parts=amount * 10_000,
        amount=amount,
        brought_debt=brought_debt,
        held_reason=held_reason,
        issued_at=noon(month.plus(1), 3),
    )


def make_agreement(
    wadah_id: UUID,
    pays: PaymentMethod | None = None,
    *,
    starts_on: date = date(2025, 1, 1),
    ends_on: date = date(2025, 12, 31),
) -> WadahAgreement:
    return WadahAgreement(
        agreement_id=new_id(), wadah_id=wadah_id, starts_on=starts_on, ends_on=ends_on, pays=pays
    )


def make_account(holder_id: UUID, kind: PayeeKind = PayeeKind.AGENT) -> PayeeAccount:
    return PayeeAccount(
        bank_account_id=new_id(), holder_kind=kind, holder_id=holder_id, decided_at=CLOSED_AT
    )


def terminate(wadah_id: UUID, at: datetime) -> WadahTermination:
    return WadahTermination(wadah_id=wadah_id, decided_at=at)


async def store(session: AsyncSession, *rows: object) -> None:
    """Store rows, and hold what of the statements must be held, as a close does."""
    session.add_all(rows)
    await session.flush()
    await holds.hold(session, queries.payable(), at=CLOSED_AT)
