from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity import queries, service
from agent_service.activity.models import ActivityFact
from agent_service.activity.rules import Counts
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled

AGENT, OTHER = new_id(), new_id()
OCT, NOV = Month(2026, 10), Month(2026, 11)


def attribution(**differences: Any) -> MemberAttributed:
    usual: dict[str, Any] = {
        "attribution_id": new_id(),
        "member_id": new_id(),
        "agent_id": AGENT,
        "wadah_id": new_id(),
        "branch_code": "BWI",
        "region_code": "JATIM",
        "from_month": NOV,
        "new_to_bpu": True,
    }
    return MemberAttributed(**{**usual, **differences})


def payment(**differences: Any) -> PaymentSettled:
    now = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
    usual: dict[str, Any] = {
        "payment_id": new_id(),
        "bill_id": new_id(),
        "member_id": new_id(),
        "partner_id": new_id(),
        "amount": 28_400,
        "issued_at": now,
        "paid_at": now,
        "received_at": now,
        "agent_id": AGENT,
        "payer": "self",
        "lines": [],
    }
    return PaymentSettled(**{**usual, **differences})


async def counted(session: AsyncSession, agent_id: UUID = AGENT) -> dict[Month, Counts]:
    return dict(
        await queries.count_by_month(session, agent_id, first=Month(2026, 1), last=Month(2026, 12))
    )


async def test_new_members_and_payments_are_counted_by_agent_and_month(
    session: AsyncSession,
) -> None:
    joined = [
        attribution(),
        attribution(),
        attribution(from_month=OCT),
        attribution(agent_id=OTHER),
    ]
    await service.take_attributions(session, joined)
    await service.take_payments(session, [payment(), payment(agent_id=OTHER)])

    assert await counted(session) == {OCT: Counts(1, 0), NOV: Counts(2, 1)}
    assert await counted(session, OTHER) == {NOV: Counts(1, 1)}


async def test_reading_the_same_again_changes_nothing(session: AsyncSession) -> None:
    joined, paid = [attribution()], [payment(), payment()]
    for _ in range(2):
        await service.take_attributions(session, joined)
        await service.take_payments(session, [*paid, paid[0]])

    assert await counted(session) == {NOV: Counts(1, 2)}


async def test_a_member_who_was_with_bpu_before_is_no_acquisition(session: AsyncSession) -> None:
    await service.take_attributions(session, [attribution(new_to_bpu=False)])

    assert await counted(session) == {}


async def test_a_payment_without_an_agent_is_nobodys_work(session: AsyncSession) -> None:
    await service.take_payments(session, [payment(agent_id=None)])

    assert await session.scalar(select(func.count()).select_from(ActivityFact)) == 0


async def test_the_month_of_a_payment_is_jakartas(session: AsyncSession) -> None:
    late = datetime(2026, 10, 31, 17, 30, tzinfo=UTC)  # 00:30 of 1 November in Jakarta

    await service.take_payments(session, [payment(paid_at=late)])

    assert await counted(session) == {NOV: Counts(0, 1)}


async def test_a_large_batch_is_taken_at_once(session: AsyncSession) -> None:
    await service.take_payments(session, [payment() for _ in range(1000)])

    assert await counted(session) == {NOV: Counts(0, 1000)}
