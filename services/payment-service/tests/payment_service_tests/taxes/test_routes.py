from datetime import date

import httpx
from payment_service_tests.taxes.conftest import (
    PAID_ON,
    RETURNED_ON,
    make_earning,
    make_wadah_payout,
    withhold,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.taxes import service
from payment_service.taxes.rules import TaxKind
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import Tokens

FEBRUARY = date(2027, 2, 1)


async def test_a_month_shows_what_is_due_of_each_tax(
    client: httpx.AsyncClient, session: AsyncSession, tokens: Tokens
) -> None:
    await withhold(session, *make_wadah_payout(gross=5_000_000, agents=[4_000_000]))
    await withhold(session, make_earning(2_000_000))
    await service.remit(
        session,
        remittance_id=new_id(),
        kind=TaxKind.PPH21,
        month=Month.of(PAID_ON),
        amount=100_000,
        remitted_on=PAID_ON,
    )
    auditor = tokens.make(Role.AUDITOR, scope={"kind": "country"})

    answer = await client.get("/v1/tax-remittances/2026-12", headers=auditor)

    assert answer.json() == {
        "month": "2026-12",
        "taxes": [
            {"kind": "pph21", "withheld": 150_000, "remitted": 100_000, "due": 50_000},
            {"kind": "pph23", "withheld": 100_000, "remitted": 0, "due": 100_000},
        ],
    }


async def test_months_that_are_not_settled_are_listed_and_overpaid_ones_are_below_zero(
    client: httpx.AsyncClient, session: AsyncSession, tokens: Tokens
) -> None:
    returned = await withhold(session, make_earning(4_000_000))
    for paid_on, amount in ((PAID_ON, 100_000), (FEBRUARY, 50_000)):
        if paid_on == FEBRUARY:
            await withhold(session, make_earning(2_000_000), paid_on=FEBRUARY)
        await service.remit(
            session,
            remittance_id=new_id(),
            kind=TaxKind.PPH21,
            month=Month.of(paid_on),
            amount=amount,
            remitted_on=RETURNED_ON,
        )
    await service.reverse(session, returned, returned_on=RETURNED_ON)
    await withhold(
        session, *make_wadah_payout(gross=5_000_000, agents=[4_000_000]), paid_on=RETURNED_ON
    )
    auditor = tokens.make(Role.AUDITOR, scope={"kind": "country"})

    answer = await client.get("/v1/tax-dues", headers=auditor)

    assert answer.json()["items"] == [
        {"month": "2026-12", "kind": "pph21", "withheld": 0, "remitted": 100_000, "due": -100_000},
        {"month": "2027-01", "kind": "pph21", "withheld": 100_000, "remitted": 0, "due": 100_000},
        {"month": "2027-01", "kind": "pph23", "withheld": 100_000, "remitted": 0, "due": 100_000},
    ]
