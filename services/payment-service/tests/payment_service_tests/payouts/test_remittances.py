"""Withheld tax is passed on to the state by a run of its own."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.office import BY_BANK, Office, list_transfers, pay
from payment_service_tests.village import Village, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunKind, RunVerdict
from payment_service.payouts import service as payouts
from payment_service.settings import Settings
from payment_service.tax_remittances import service
from payment_service.tax_remittances.rules import (
    NoTaxDue,
    TaxMonthOpen,
    TaxRemittanceOpen,
    TreasuryAccountMissing,
)
from payment_service.taxes import service as taxes
from payment_service.taxes.rules import TaxKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Urls

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
BILLING_CODE = "123456789012345"
Earn = Callable[..., Awaitable[list[Village]]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
Propose = Callable[..., Awaitable[service.Remitted]]


@pytest.fixture
def treasury(make_settings: Callable[..., Settings], shared_urls: Urls) -> Settings:
    return make_settings(
        Settings,
        shared_urls,
        member_url="http://member",
        agent_url="http://agent",
        treasury_bank_code="009",
        treasury_account_no="5010000000",
    )


@pytest.fixture
def propose(session: AsyncSession, account: PayoutAccount, treasury: Settings) -> Propose:
    async def propose(**differences: Any) -> service.Remitted:
        usual: dict[str, Any] = {
            "kind": TaxKind.PPH21,
            "month": DECEMBER,
            "billing_code": BILLING_CODE,
            "payout_account_id": account.id,
            "by": new_id(),
            "settings": treasury,
        }
        return await service.propose(session, **{**usual, **differences})

    return propose


@pytest.fixture
async def paid(session: AsyncSession, run_id: UUID, business_time: BusinessTime) -> None:
    """Pay November in December, with 414 of PPh 21 and 33 of PPh 23; now it is January."""
    await pay(session, run_id)
    business_time.at(noon(DECEMBER.plus(1)))


async def due(session: AsyncSession, kind: TaxKind) -> int:
    return next(each.due for each in await taxes.due(session, DECEMBER) if each.kind is kind)


@pytest.mark.usefixtures("paid")
async def test_what_was_withheld_is_paid_to_the_state_once(
    session: AsyncSession, office: Office, propose: Propose, faults: Faults
) -> None:
    remitted = await propose()
    run = await office.find(remitted.payout.run_id)
    with pytest.raises(TaxRemittanceOpen):
        async with session.begin_nested():
            await propose()

    await office.release(run.id)
    await pay(session, run.id)
    await office.work()

    assert (run.kind, run.status.value, remitted.payout.amount) == (RunKind.TAX, "proposed", 414)
    assert (await office.find(run.id)).status.value == "done"
    assert await due(session, TaxKind.PPH21) == 0
    assert await due(session, TaxKind.PPH23) == 33
    with pytest.raises(NoTaxDue):
        await propose()
    assert await faults(session) == []


@pytest.mark.usefixtures("paid")
async def test_what_the_bank_returned_is_due_again(
    session: AsyncSession, office: Office, propose: Propose, faults: Faults
) -> None:
    remitted = await propose()
    await office.release(remitted.payout.run_id)
    await pay(session, remitted.payout.run_id)
    (transfer,) = await list_transfers(session, remitted.payout.run_id)

    await payouts.mark_returned(session, transfer.id, BY_BANK)

    assert await due(session, TaxKind.PPH21) == 414
    assert (await propose()).payout.amount == 414
    assert await faults(session) == []


@pytest.mark.usefixtures("paid")
async def test_a_rejected_remittance_can_be_proposed_again(
    session: AsyncSession, propose: Propose
) -> None:
    first = await propose()
    await runs.decide(session, first.payout.run_id, verdict=RunVerdict.REJECTED, by=new_id())

    assert (await propose()).payout.id != first.payout.id


async def test_only_a_month_that_is_over_to_a_known_account_of_the_state(
    propose: Propose, settings: Settings
) -> None:
    with pytest.raises(TaxMonthOpen):
        await propose(month=Month.of(clock.today()))
    with pytest.raises(TreasuryAccountMissing):
        await propose(settings=settings)
    with pytest.raises(NoTaxDue):
        await propose()


@pytest.mark.usefixtures("paid")
async def test_remittances_are_listed_with_their_billing_code(
    client: httpx.AsyncClient, propose: Propose, officer: Callable[[], dict[str, str]]
) -> None:
    await propose()

    answer = await client.get("/v1/tax-remittances?month=2025-12", headers=officer())

    (listed,) = answer.json()["items"]
    assert (listed["tax_kind"], listed["amount"], listed["status"]) == ("pph21", 414, "created")
    assert listed["billing_code"] == BILLING_CODE
    assert (listed["withdrawn_at"], listed["withdrawn_reason"]) == (None, None)


@pytest.mark.usefixtures("paid")
async def test_a_remittance_of_a_rejected_run_is_listed_as_withdrawn(
    session: AsyncSession,
    client: httpx.AsyncClient,
    propose: Propose,
    officer: Callable[[], dict[str, str]],
) -> None:
    proposed = await propose()
    run_id = proposed.payout.run_id
    await runs.decide(session, run_id, verdict=RunVerdict.REJECTED, by=new_id())

    (listed,) = (await client.get("/v1/tax-remittances", headers=officer())).json()["items"]

    assert (listed["status"], listed["withdrawn_reason"]) == ("created", "run_rejected")
    assert listed["withdrawn_at"] is not None
