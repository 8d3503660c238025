"""What an event needs is found by indexes, however many members and registrations there are."""

from collections.abc import Awaitable, Callable

from member_service_tests.allocations.test_service import payment, reversal
from member_service_tests.registrations.histories import TERMS
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.members.models import Member
from member_service.members.rules import RiskThresholds
from member_service.risk_flags.tasks import RiskTasks
from perisai_kit.events.catalogue import CoverageExtended
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import list_published
from perisai_kit.testing.plans import list_whole_reads

Enrol = Callable[..., Awaitable[Member]]
MONTH = "2026-11"


async def test_no_settled_payment_reads_a_whole_table(session: AsyncSession, enrol: Enrol) -> None:
    settled = [payment((await enrol(session)).id, MONTH) for _ in range(2)]

    call = allocations.take_allocations(session, settled, TERMS)

    assert await list_whole_reads(session, call) == set()


async def test_no_reversal_reads_a_whole_table(session: AsyncSession, enrol: Enrol) -> None:
    settled = payment((await enrol(session)).id, MONTH)
    await allocations.take_allocations(session, [settled], TERMS)
    taken_back = reversal(settled, at=settled.counts_at)

    call = allocations.take_allocations(session, [taken_back], TERMS)

    assert await list_whole_reads(session, call) == set()


async def test_no_answer_reads_a_whole_table_to_flag_what_is_alike(
    session: AsyncSession, enrol: Enrol, keyring: Keyring
) -> None:
    least = RiskThresholds(phone=2, address=2, batch=2, paying_account=2, older=2)
    settled = [payment((await enrol(session)).id, MONTH) for _ in range(2)]
    await allocations.take_allocations(session, settled, TERMS)
    published = await list_published(session)
    answers = [event for event in published if isinstance(event, CoverageExtended)]

    call = RiskTasks(keyring, least).on_coverage_answered(session, answers)

    assert await list_whole_reads(session, call) == set()
