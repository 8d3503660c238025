"""Any answers in any order, with deaths between: executed once at most, paid exactly then."""

from contextlib import suppress
from uuid import UUID

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from payment_service_tests.payout_bank import Bank, Killed
from payment_service_tests.payout_world import NET, World, make_payouts
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_transfers.rules import TransferStatus

PAID, FAILED, UNKNOWN = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.UNKNOWN
SENT, RETURNED = TransferStatus.SENT, TransferStatus.RETURNED


BEHAVIOURS = st.sampled_from(
    [
        "ok",
        "lost",
        "unheard",
        "garbage",
        "foreign",
        "killed",
        "killed_before",
        "4291700",
        "4011701",
        "4031714",
        "5001701",
        "+5001701",
        "+2021700",
        "4091700",
        "+4091701",
        "5041700",
        "+5041700",
    ]
)
STATUSES = st.sampled_from(["lost", "01", "03", "07", "4043601", "5003600", "foreign", "99"])


async def live(world: World, payout_id: UUID, deaths: set[int]) -> TransferStatus:
    """Send and ask until it is settled, dying at these transactions; then a day passes."""
    begun = 0

    async def die(_: AsyncSession) -> None:
        nonlocal begun
        begun += 1
        if begun in deaths:
            raise Killed

    mortal = world.database.with_guard(die)
    for _ in range(12):
        with suppress(Killed):
            await world.send((await world.last(payout_id)).id, mortal)
            await world.ask((await world.last(payout_id)).id, mortal)
        if (await world.last(payout_id)).status in {PAID, FAILED}:
            break
    last = await world.last(payout_id)
    if last.status is UNKNOWN:
        await world.age(last.id, hours=25)
        await world.ask(last.id)
    return await world.status(last.id)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    script=st.lists(BEHAVIOURS, max_size=8),
    statuses=st.lists(STATUSES, max_size=6),
    deaths=st.sets(st.integers(min_value=1, max_value=8), max_size=3),
    is_coded=st.booleans(),
)
async def test_at_most_once_and_paid_exactly_when_the_bank_has_debited_us(
    world: World, script: list[str], statuses: list[str], deaths: set[int], is_coded: bool
) -> None:
    """Whatever the bank answers, in whatever order, and wherever we die."""
    bank = Bank(list(script), list(statuses))
    if not is_coded:
        bank.remark = lambda _: "TRSF E-BANKING"
    world = World(world.database, bank, world.settings)
    (id_,) = await make_payouts(world.database, 1)
    booked = await world.count_paid()

    status = await live(world, (await world.find(id_)).payout_id, deaths)

    debits = len(bank.executed)
    event(f"{status.value} after {debits} debits")
    assert debits <= 1
    if status is UNKNOWN:  # only a debit that nobody can name is left to people
        assert (debits, is_coded) == (1, False)
    else:
        assert status is (PAID if debits else FAILED)
    assert await world.count_paid() - booked == (NET if status is PAID else 0)
