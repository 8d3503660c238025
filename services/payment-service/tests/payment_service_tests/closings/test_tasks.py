"""The worker closes months; what keeps it from that is stored, and tried again."""

from collections.abc import Awaitable, Callable

import pytest
from payment_service_tests.month_closing import agree_to_close
from payment_service_tests.village import Village, apply_events, compute
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service
from payment_service.closings.rules import ClosingStatus
from payment_service.closings.tasks import Closer
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
EndMonth = Callable[[Month], Awaitable[None]]


def make_statement(village: Village) -> Statement:
    return Statement(
        id=new_id(),
        month=NOVEMBER,
        beneficiary_kind=BeneficiaryKind.AGENT,
        beneficiary_id=village.agent_id,
        wadah_id=village.wadah_id,
        branch_code="BWI",
        region_code="JTM",
        line_count=1,
        contribution_parts=10_000,
        acquisition_parts=0,
        override_parts=0,
        brought_parts=0,
        total_parts=10_000,
        amount=1,
        brought_debt=0,
        issued_at=clock.now(),
    )


async def test_a_close_that_cannot_begin_says_why_and_begins_later(
    session: AsyncSession,
    database: Database,
    settings: Settings,
    villages: list[Village],
    tell: Tell,
    end_month: EndMonth,
) -> None:
    await tell(*villages)
    await end_month(NOVEMBER)
    await agree_to_close(session, NOVEMBER, settings=settings)
    late = villages[0].decline(villages[0].settled[0])
    await apply_events(session, [late])
    closer = Closer(settings)

    delayed = [await closer.run(database) for _ in range(2)]
    waiting = await service.get(session, NOVEMBER)
    found = (waiting.status, waiting.failure_code, waiting.failure_count)
    await compute(session)
    again = await closer.run(database)

    assert delayed == [False, False]
    assert found == (ClosingStatus.CONFIRMED, "payments_wait", 2)
    done = await service.get(session, NOVEMBER)
    assert again is False
    assert (done.status, done.failure_code, done.failed_at, done.failure_count) == (
        ClosingStatus.DONE,
        None,
        None,
        0,
    )


async def test_a_failure_of_the_database_is_stored_and_counted(
    session: AsyncSession,
    database: Database,
    settings: Settings,
    villages: list[Village],
    tell: Tell,
    end_month: EndMonth,
) -> None:
    await tell(*villages)
    await end_month(NOVEMBER)
    await agree_to_close(session, NOVEMBER, settings=settings)
    # Nobody can have made this one; the index of beneficiaries and months refuses another.
    session.add(make_statement(villages[0]))
    await session.flush()
    closer = Closer(settings, batch=3)

    with pytest.raises(IntegrityError):
        await closer.run(database)

    closing = await service.get(session, NOVEMBER)
    assert (closing.status, closing.statement_count) == (ClosingStatus.RUNNING, 0)
    assert (closing.failure_code, closing.failure_count) == ("database_failed", 1)


async def test_the_worker_has_a_close_to_do_from_the_agreement_to_its_end(
    session: AsyncSession,
    database: Database,
    settings: Settings,
    villages: list[Village],
    tell: Tell,
    end_month: EndMonth,
) -> None:
    await tell(*villages)
    await end_month(NOVEMBER)
    closer = Closer(settings, batch=1)
    before = await closer.is_due(session)
    await agree_to_close(session, NOVEMBER, settings=settings)
    agreed = await closer.is_due(session)
    await service.step(session, batch=1, settings=settings)
    begun = await closer.is_due(session)

    await closer.run(database)

    assert (before, agreed, begun) == (False, True, True)
    assert not await closer.is_due(session)
