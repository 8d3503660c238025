"""A statement whose forfeit was taken back may be held again, and forfeited again."""

from payment_service_tests.hold_decisions.deciding import approve, list_holds, take_back_forfeit
from payment_service_tests.incentive_holds.conftest import beginning, dismiss, stated
from payment_service_tests.incentive_holds.test_holds import DECEMBER, Faults, owed
from payment_service_tests.village import Village, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds.rules import HoldVerdict

__all__ = ["beginning", "stated"]


async def test_what_is_forfeited_a_second_time_is_booked_and_taken_back_a_second_time(
    session: AsyncSession, stated: Village, faults: Faults
) -> None:
    balances = []
    for day in (2, 4):
        await dismiss(session, stated, noon(DECEMBER, day))
        (hold,) = await list_holds(session, status="open")
        await approve(session, hold.id, HoldVerdict.FORFEIT)
        balances.append(await owed(session, stated.agent_id))
        await take_back_forfeit(session, hold.id)
        balances.append(await owed(session, stated.agent_id))

    assert balances == [0, 5_520, 0, 5_520]
    assert await faults(session) == []
