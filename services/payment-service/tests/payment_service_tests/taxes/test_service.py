from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from payment_service_tests.taxes.conftest import (
    PAID_ON,
    RETURNED_ON,
    find_tax_faults,
    make_earning,
    make_wadah_payout,
    withhold,
)
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.ledger import service as ledger
from payment_service.settings import Settings
from payment_service.taxes import service
from payment_service.taxes.models import TaxComputation, Withholding
from payment_service.taxes.rules import TaxCause, TaxIdentity, TaxKind, TaxPolicy
from payment_service.taxes.service import Earning
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.nik import NikStatus

DECEMBER = Month.of(PAID_ON)


async def balances(session: AsyncSession) -> dict[str, int]:
    """Return what each account is owed, in rupiah."""
    page = await ledger.list_accounts(session, cursor=None, limit=100)
    return {each.account: each.credits - each.debits for each in page.items}


async def withholdings(session: AsyncSession) -> Sequence[Withholding]:
    return (await session.scalars(select(Withholding).order_by(Withholding.id))).all()


async def due(session: AsyncSession, month: Month = DECEMBER) -> dict[TaxKind, int]:
    return {each.kind: each.due for each in await service.due(session, month)}


def test_the_settings_have_the_defaults_of_the_rules(settings: Settings) -> None:
    assert service.policy_of(settings) == TaxPolicy()


async def test_nothing_is_withheld_before_the_payout_is_paid(session: AsyncSession) -> None:
    earning = make_earning(600_000, 400_001)

    taxes = await service.compute(session, [earning], on=PAID_ON, policy=TaxPolicy())

    assert taxes.keys() == earning.items.keys()
    assert sum(taxes.values()) == 25_000
    assert await withholdings(session) == []
    assert await balances(session) == {}


async def test_a_paid_payout_withholds_of_each_beneficiary_and_books_it(
    session: AsyncSession,
) -> None:
    earnings = make_wadah_payout(gross=5_000_000, agents=[2_000_000, 4_000_000])

    await withhold(session, *earnings)

    found = {each.beneficiary_id: each for each in await withholdings(session)}
    assert [found[each.beneficiary_id].amount for each in earnings] == [100_000, 50_000, 100_000]
    assert {each.month for each in found.values()} == {DECEMBER}
    assert await balances(session) == {
        f"incentive_payable:{earnings[0].beneficiary_id}": -100_000,
        f"incentive_payable:{earnings[1].beneficiary_id}": -50_000,
        f"incentive_payable:{earnings[2].beneficiary_id}": -100_000,
        "tax_payable:pph21:2026-12": 150_000,
        "tax_payable:pph23:2026-12": 100_000,
    }


async def test_a_withholding_keeps_what_was_known_of_the_taxpayer(session: AsyncSession) -> None:
    identity = TaxIdentity(new_id(), has_npwp=False, nik_status=NikStatus.INVALID)

    await withhold(session, make_earning(1_000_000, identity=identity))

    (row,) = await withholdings(session)
    assert (row.kind, row.gross, row.base, row.amount) == (TaxKind.PPH21, 10**6, 500_000, 30_000)
    assert (row.surcharged, row.table_version) == (True, "pph21-2024-07")
    assert (row.has_npwp, row.nik_status) == (False, NikStatus.INVALID)
    assert (row.tax_identity_id, row.paid_on) == (identity.id, PAID_ON)


async def test_what_is_not_taxed_is_on_record_and_not_in_the_ledger(
    session: AsyncSession,
) -> None:
    await withhold(session, *make_wadah_payout(), policy=TaxPolicy(wadah_entity=TaxKind.NONE))

    (row,) = await withholdings(session)
    assert (row.kind, row.gross, row.amount) == (TaxKind.NONE, 5_000_000, 0)
    assert await balances(session) == {}


async def test_a_repeat_withholds_and_releases_nothing_more(session: AsyncSession) -> None:
    payout_id = await withhold(session, *make_wadah_payout(agents=[1_000_000]))
    await service.record(session, payout_id, paid_on=date(2027, 2, 1))
    assert await due(session) == {TaxKind.PPH21: 25_000, TaxKind.PPH23: 100_000}

    await service.reverse(session, payout_id, returned_on=RETURNED_ON)
    await service.reverse(session, payout_id, returned_on=RETURNED_ON)

    assert len(await withholdings(session)) == 4
    assert set((await balances(session)).values()) == {0}


async def test_a_return_names_what_it_reverses_and_lowers_the_month_of_the_payment(
    session: AsyncSession,
) -> None:
    payout_id = await withhold(session, make_earning(3_000_000))
    await withhold(session, make_earning(1_000_000))

    await service.reverse(session, payout_id, returned_on=RETURNED_ON)

    paid, _, returned = await withholdings(session)
    assert returned.reverses == paid.id
    assert (returned.gross, returned.base, returned.amount) == (-3_000_000, -1_500_000, -75_000)
    assert (returned.month, returned.paid_on) == (DECEMBER, RETURNED_ON)
    assert (await due(session))[TaxKind.PPH21] == 25_000
    assert (await balances(session))["tax_payable:pph21:2026-12"] == 25_000


async def test_the_month_of_the_tax_is_that_of_the_payment_and_not_of_the_preparation(
    session: AsyncSession,
) -> None:
    earning = make_earning()
    await service.compute(session, [earning], on=date(2026, 11, 30), policy=TaxPolicy())

    await service.record(session, earning.payout_id, paid_on=PAID_ON)

    assert (await due(session, Month(2026, 11)))[TaxKind.PPH21] == 0
    assert (await due(session))[TaxKind.PPH21] == 25_000


async def test_a_beneficiary_of_a_payout_is_taxed_once(session: AsyncSession) -> None:
    earning = make_earning()
    again = replace(earning, items={new_id(): 5})

    with pytest.raises(IntegrityError):
        async with session.begin_nested():
            await service.compute(session, [earning, again], on=PAID_ON, policy=TaxPolicy())


async def test_a_remittance_pays_what_is_due_once(session: AsyncSession) -> None:
    await withhold(session, make_earning(4_000_000))
    remittance_id = new_id()

    for _ in range(2):
        await service.remit(
            session,
            remittance_id=remittance_id,
            kind=TaxKind.PPH21,
            month=DECEMBER,
            amount=100_000,
            remitted_on=RETURNED_ON,
        )

    (pph21, pph23) = await service.due(session, DECEMBER)
    assert (pph21.withheld, pph21.remitted, pph21.due) == (100_000, 100_000, 0)
    assert (pph23.withheld, pph23.remitted, pph23.due) == (0, 0, 0)
    found = await balances(session)
    assert (found["tax_payable:pph21:2026-12"], found["operating_bank"]) == (0, 100_000)


async def test_a_returned_remittance_is_due_again_once(session: AsyncSession) -> None:
    await withhold(session, make_earning(4_000_000))
    remittance_id = new_id()
    await service.remit(
        session,
        remittance_id=remittance_id,
        kind=TaxKind.PPH21,
        month=DECEMBER,
        amount=100_000,
        remitted_on=PAID_ON,
    )

    for _ in range(2):
        await service.return_remittance(session, remittance_id, returned_on=RETURNED_ON)

    assert (await due(session))[TaxKind.PPH21] == 100_000
    found = await balances(session)
    assert (found["tax_payable:pph21:2026-12"], found["operating_bank"]) == (100_000, 0)


async def test_a_return_after_the_remittance_leaves_the_month_overpaid(
    session: AsyncSession,
) -> None:
    payout_id = await withhold(session, make_earning(4_000_000))
    await service.remit(
        session,
        remittance_id=new_id(),
        kind=TaxKind.PPH21,
        month=DECEMBER,
        amount=100_000,
        remitted_on=RETURNED_ON,
    )

    await service.reverse(session, payout_id, returned_on=RETURNED_ON)

    assert (await due(session))[TaxKind.PPH21] == -100_000


async def test_the_database_refuses_to_withhold_twice(session: AsyncSession) -> None:
    await withhold(session, make_earning())
    (row,) = await withholdings(session)
    columns = [each.name for each in Withholding.__table__.columns if each.name != "id"]
    copy = Withholding(id=new_id(), **{name: getattr(row, name) for name in columns})

    with pytest.raises(IntegrityError):
        async with session.begin_nested():
            session.add(copy)


async def test_the_checks_of_the_books_find_tax_that_was_not_booked(session: AsyncSession) -> None:
    await service.compute(session, [make_earning()], on=PAID_ON, policy=TaxPolicy())
    computed = (await session.scalars(select(TaxComputation))).one()
    copied = {name: getattr(computed, name) for name in (*service.COPIED, *service.AMOUNTS)}
    withheld = Withholding(
        id=new_id(),
        computation_id=computed.id,
        cause=TaxCause.PAID,
        month=DECEMBER,
        paid_on=PAID_ON,
        recorded_at=clock.now(),
        **copied,
    )
    session.add(withheld)
    await session.flush()

    assert await find_tax_faults(session) == ["1 items whose withheld tax is booked otherwise"]


EARNINGS = st.builds(
    lambda grosses, kind, entity, npwp: make_earning(
        *grosses,
        beneficiary_kind=kind,
        legal_entity=entity,
        identity=TaxIdentity(new_id(), has_npwp=npwp),
    ),
    grosses=st.lists(st.integers(min_value=1, max_value=10**10), min_size=1, max_size=4),
    kind=st.sampled_from(BeneficiaryKind),
    entity=st.booleans(),
    npwp=st.booleans(),
)


@examples(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(earnings=st.lists(EARNINGS, min_size=1, max_size=6), returned=st.sets(st.integers(0, 5)))
async def test_the_ledger_holds_what_the_records_hold_net_of_returns(
    session: AsyncSession, earnings: list[Earning], returned: set[int]
) -> None:
    savepoint = await session.begin_nested()
    try:
        for place, earning in enumerate(earnings):
            payout_id = await withhold(session, earning)
            if place in returned:
                await service.reverse(session, payout_id, returned_on=RETURNED_ON)

        found, owed = await balances(session), await due(session)
        rows = await session.scalars(select(TaxComputation))
        amounts = {each.payout_id: each.amount for each in rows}
        faults = await find_tax_faults(session)
    finally:
        await savepoint.rollback()
    kept = [each for place, each in enumerate(earnings) if place not in returned]
    assert sum(owed.values()) == sum(amounts[each.payout_id] for each in kept)
    assert {kind: found.get(f"tax_payable:{kind}:2026-12", 0) for kind in owed} == owed
    assert sum(found.values()) == 0
    assert faults == []
