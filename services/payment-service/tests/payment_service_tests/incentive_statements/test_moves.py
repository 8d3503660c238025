"""Agents who move to another wadah: who gets the override, and whose statements are whose."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.village import Village, apply_events, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryNotFound
from payment_service.incentive_statements import service
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import EarningsAsked
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentWadahChangeCancelled,
    AgentWadahChanged,
    WadahAgreementSigned,
)
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
OLD_AND_NEW = 5_520, 552
"""What a month of one member with three programmes earns agent and wadah."""


def move(village: Village, to: UUID, from_date: date) -> AgentWadahChanged:
    return AgentWadahChanged(
        move_id=new_id(),
        agent_id=village.agent_id,
        from_wadah_id=village.wadah_id,
        wadah_id=to,
        from_date=from_date,
        decided_at=noon(NOVEMBER),
    )


def cancel(planned: AgentWadahChanged) -> AgentWadahChangeCancelled:
    return AgentWadahChangeCancelled(**planned.model_dump(), reason_code="withdrawn")


def admin_of(wadah_id: UUID) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset({Role.WADAH_ADMIN}), wadah_id=wadah_id)


async def amounts(session: AsyncSession, month: Month) -> dict[UUID, int]:
    rows = await session.scalars(select(Statement).where(Statement.month == month))
    return {row.beneficiary_id: row.amount for row in rows}


async def places(session: AsyncSession, village: Village) -> list[UUID]:
    """Return the wadah of each statement of the agent, in order."""
    rows = await session.scalars(
        select(Statement).where(Statement.beneficiary_id == village.agent_id).order_by(Statement.id)
    )
    return [row.wadah_id for row in rows]


async def may_preview(session: AsyncSession, wadah_id: UUID, asked: EarningsAsked) -> bool:
    try:
        await service.preview(session, admin_of(wadah_id), asked, scheme_id=None)
    except BeneficiaryNotFound:
        return False
    return True


async def test_the_override_is_of_the_wadah_of_the_day_on_which_a_payment_counts(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village, new = Village(), new_id()
    midnight_of_december = midnight(DECEMBER.first_day)
    before = midnight_of_december - timedelta(seconds=1)
    village.decided.append(move(village, new, DECEMBER.first_day))
    usual: dict[str, Any] = {"is_acquisition": False}
    village.pay(NOVEMBER, paid_at=before, **usual)
    village.pay(NOVEMBER, paid_at=midnight_of_december, wadah_id=new, **usual)
    await tell(village)
    await close(NOVEMBER)
    await close(DECEMBER)

    agent, override = OLD_AND_NEW
    assert await amounts(session, NOVEMBER) == {
        village.agent_id: agent,
        village.wadah_id: override,
    }
    assert await amounts(session, DECEMBER) == {village.agent_id: agent, new: override}
    assert await faults(session) == []


async def test_a_late_report_of_a_move_takes_the_override_from_the_old_wadah(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village, new = Village(), new_id()
    payment = village.pay(DECEMBER, is_acquisition=False)
    await tell(village)
    await close(DECEMBER)
    village.extend(payment, answer_no=2, wadah_id=new, is_acquisition=False)

    await tell(village)
    await close(JANUARY)

    _, override = OLD_AND_NEW
    assert await amounts(session, JANUARY) == {village.wadah_id: -override, new: override}
    assert await faults(session) == []


async def test_the_threshold_counts_an_agents_acquisitions_across_wadahs(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, new = Village(), new_id()
    # A late report can place the acquisitions of one month in two wadahs.
    village.enrol(10, DECEMBER)
    village.enrol(15, DECEMBER, wadah_id=new)
    await tell(village)

    await close(DECEMBER)

    found = await amounts(session, DECEMBER)
    assert found[village.agent_id] == 513_000
    assert found[village.wadah_id] == 10 * (15_000 + 5_520) // 10
    assert found[new] == 15 * (15_000 + 5_520) // 10


async def test_a_statement_has_the_wadah_of_the_day_of_the_close(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, new = Village(), new_id()
    village.decided.append(move(village, new, JANUARY.first_day))
    for month in (NOVEMBER, DECEMBER):
        village.pay(month, is_acquisition=False)
    await tell(village)

    await close(NOVEMBER)  # in December
    await close(DECEMBER)  # in January

    assert await places(session, village) == [village.wadah_id, new]


async def test_an_agent_is_paid_as_the_agreement_of_the_wadah_of_the_close_says(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, new = Village(), new_id()
    village.decided.append(move(village, new, DECEMBER.first_day))
    agreements = {
        wadah_id: WadahAgreementSigned(
            wadah_id=wadah_id,
            agreement_id=new_id(),
            starts_on=date(2025, 1, 1),
            ends_on=date(2026, 12, 31),
            pays=pays,
        )
        for wadah_id, pays in ((village.wadah_id, "agents"), (new, "wadah"))
    }
    await apply_events(session, agreements.values())
    village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)
    await close(NOVEMBER)

    rows = await session.scalars(
        select(Statement.id).where(Statement.beneficiary_id == village.agent_id)
    )
    payee = (await service.get(session, admin_of(new), rows.one())).payee

    assert (payee.kind, payee.id, payee.reason) == ("wadah", new, "agreement")


@pytest.mark.parametrize("is_cancelled_first", [True, False])
async def test_a_cancelled_move_leaves_the_agent_with_the_wadah(
    session: AsyncSession, tell: Tell, close: Close, is_cancelled_first: bool
) -> None:
    village = Village()
    planned = move(village, new_id(), DECEMBER.first_day)
    events = [planned, cancel(planned)]
    village.decided += reversed(events) if is_cancelled_first else events
    village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)

    await close(NOVEMBER)

    assert await places(session, village) == [village.wadah_id]


async def test_a_preview_is_shown_to_the_wadah_of_today(
    session: AsyncSession, tell: Tell, business_time: BusinessTime
) -> None:
    village, new = Village(), new_id()
    village.decided.append(move(village, new, DECEMBER.first_day))
    village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)
    asked = EarningsAsked(agent_id=village.agent_id, month=NOVEMBER)

    async def see(at: datetime) -> list[bool]:
        business_time.at(at)
        return [await may_preview(session, wadah_id, asked) for wadah_id in (village.wadah_id, new)]

    midnight_of_december = midnight(DECEMBER.first_day)
    assert await see(midnight_of_december - timedelta(seconds=1)) == [True, False]
    assert await see(midnight_of_december) == [False, True]
