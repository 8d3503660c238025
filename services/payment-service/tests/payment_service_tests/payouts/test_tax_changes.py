"""No rupiah too much is remitted: what is due is looked at again until a remittance is sent."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import httpx
import pytest
from payment_service_tests.office import BY_BANK, REFUSED, Office, list_transfers, pay, send
from payment_service_tests.payouts.test_remittances import DECEMBER, Propose, due, propose, treasury
from payment_service_tests.village import Village
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_files import service as files
from payment_service.payout_releases import service as payout_releases
from payment_service.payout_releases.rules import find_tax_change
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunVerdict, TaxDueChanged, check_tax_due
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutOutdated, WithdrawalReason
from payment_service.tax_remittances.rules import NoTaxDue
from payment_service.taxes.rules import TaxKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

__all__ = ["propose", "treasury"]

NOVEMBER = Month(2025, 11)
IN_DECEMBER = datetime(2025, 12, 30, 9, tzinfo=JAKARTA)
IN_JANUARY = datetime(2026, 1, 3, 9, tzinfo=JAKARTA)
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


def test_another_amount_than_is_due_is_refused_with_both() -> None:
    check_tax_due(414, due=414)
    for due_now in (413, 415, 0, -1):
        with pytest.raises(TaxDueChanged) as refused:
            check_tax_due(414, due=due_now)
        assert refused.value.details == {"amount": 414, "due": due_now}


def test_a_remittance_of_too_much_is_withdrawn_and_one_of_too_little_goes() -> None:
    assert find_tax_change(414, due=413) is WithdrawalReason.TAX_CHANGED
    assert find_tax_change(414, due=414) is None
    assert find_tax_change(414, due=415) is None


class World:
    """Two agents who were sent 16,146 each in December, with 414 of tax; one was paid."""

    def __init__(self, session: AsyncSession, office: Office, propose: Propose) -> None:
        self.session, self.office, self._propose = session, office, propose
        self.paid, self.sent = new_id(), new_id()

    async def propose(self) -> Payout:
        return (await self._propose()).payout

    async def return_paid(self) -> None:
        await payouts.mark_returned(self.session, self.paid, REFUSED)

    async def learn_of_sent(self) -> None:
        await payouts.mark_paid(self.session, self.sent, BY_BANK)

    async def release(self, run_id: UUID) -> None:
        await runs.release(self.session, run_id, by=new_id())

    async def see(self, payout: Payout) -> tuple[str, str | None]:
        await self.session.refresh(payout)
        reason = payout.withdrawn_reason
        return payout.status.value, reason.value if reason else None


@pytest.fixture
async def world(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earn: Callable[..., Awaitable[list[Village]]],
    propose: Propose,
    business_time: BusinessTime,
) -> World:
    made = World(session, office, propose)
    await earn(3, 3)
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.release(run_id)
    business_time.at(IN_DECEMBER)
    found = await list_transfers(session, run_id)
    made.paid, made.sent = [each.id for each in found if each.amount == 16_146]
    for id_ in (made.paid, made.sent):
        await send(session, id_)
    await payouts.mark_paid(session, made.paid, BY_BANK)
    business_time.at(IN_JANUARY)
    return made


async def test_what_was_returned_since_the_proposal_is_not_approved(
    world: World, office: Office, propose: Propose, faults: Faults
) -> None:
    proposed = await world.propose()
    await world.return_paid()

    with pytest.raises(TaxDueChanged) as refused:
        await office.approve(proposed.run_id)
    await runs.decide(world.session, proposed.run_id, verdict=RunVerdict.REJECTED, by=new_id())

    assert refused.value.details == {"amount": 414, "due": 0}
    assert await world.see(proposed) == ("created", "run_rejected")
    with pytest.raises(NoTaxDue):
        await propose()
    assert await faults(world.session) == []


async def test_what_is_due_besides_since_the_proposal_is_proposed_anew(
    world: World, office: Office
) -> None:
    proposed = await world.propose()
    await world.learn_of_sent()

    with pytest.raises(TaxDueChanged) as refused:
        await office.approve(proposed.run_id)
    await runs.decide(world.session, proposed.run_id, verdict=RunVerdict.REJECTED, by=new_id())

    assert refused.value.details == {"amount": 414, "due": 828}
    assert (await world.propose()).amount == 828


async def test_what_was_returned_since_the_approval_is_not_released(
    world: World, office: Office
) -> None:
    proposed = await world.propose()
    await office.approve(proposed.run_id)
    await world.return_paid()

    with pytest.raises(TaxDueChanged):
        await world.release(proposed.run_id)

    assert (await office.find(proposed.run_id)).status.value == "approved"


async def test_what_was_returned_since_the_release_is_withdrawn_by_the_worker(
    world: World, office: Office, faults: Faults
) -> None:
    proposed = await world.propose()
    await office.approve(proposed.run_id)
    await world.release(proposed.run_id)
    await world.return_paid()

    await office.work()
    await office.work()

    assert await world.see(proposed) == ("created", "tax_changed")
    assert await list_transfers(world.session, proposed.run_id) == []
    assert (await office.find(proposed.run_id)).status.value == "done"
    assert await due(world.session, TaxKind.PPH21) == 0
    assert await faults(world.session) == []


async def test_what_is_due_besides_since_the_release_does_not_keep_the_rest(
    world: World, office: Office, faults: Faults
) -> None:
    proposed = await world.propose()
    await office.approve(proposed.run_id)
    await world.release(proposed.run_id)
    await world.learn_of_sent()

    await office.work()
    await pay(world.session, proposed.run_id)

    assert await world.see(proposed) == ("paid", None)
    assert await due(world.session, TaxKind.PPH21) == 414
    assert await faults(world.session) == []


async def test_a_remittance_that_failed_is_not_tried_again_with_too_much(
    world: World, office: Office
) -> None:
    proposed = await world.propose()
    await office.release(proposed.run_id)
    (transfer,) = await list_transfers(world.session, proposed.run_id)
    await send(world.session, transfer.id)
    await payouts.mark_failed(world.session, transfer.id, REFUSED)
    await world.return_paid()

    with pytest.raises(PayoutOutdated) as refused:
        await payout_releases.retry(world.session, proposed.id, by=new_id())
    await payouts.give_up(world.session, proposed.id, by=new_id())

    assert refused.value.details == {"reason": "tax_changed"}
    assert await world.see(proposed) == ("failed", "given_up")


async def test_no_file_is_made_of_what_is_not_due_any_more(
    world: World, office: Office, faults: Faults
) -> None:
    proposed = await world.propose()
    await office.release(proposed.run_id)
    await world.return_paid()

    with pytest.raises(TaxDueChanged):
        await files.make(world.session, proposed.run_id, by=new_id())
    await payouts.give_up(world.session, proposed.id, by=new_id())
    await office.work()

    assert await world.see(proposed) == ("failed", "given_up")
    assert (await office.find(proposed.run_id)).status.value == "done"
    assert await faults(world.session) == []


async def test_a_return_after_the_remittance_is_shown_and_not_set_off(
    world: World,
    office: Office,
    propose: Propose,
    client: httpx.AsyncClient,
    officer: Callable[[], dict[str, str]],
    business_time: BusinessTime,
    faults: Faults,
) -> None:
    remitted = await world.propose()
    await office.release(remitted.run_id)
    await pay(world.session, remitted.run_id)
    await world.return_paid()
    await payouts.mark_paid(world.session, world.sent, BY_BANK)

    dues = (await client.get("/v1/tax-dues", headers=officer())).json()["items"]
    month = (await client.get(f"/v1/tax-remittances/{DECEMBER}", headers=officer())).json()

    # What one agent gave back and what the other was paid late are both of December.
    assert dues == []
    assert month["taxes"][0] == {"kind": "pph21", "withheld": 414, "remitted": 414, "due": 0}
    with pytest.raises(NoTaxDue):
        await propose()
    await payouts.mark_returned(world.session, world.sent, REFUSED)
    (overpaid,) = (await client.get("/v1/tax-dues", headers=officer())).json()["items"]
    assert (overpaid["month"], overpaid["kind"], overpaid["due"]) == ("2025-12", "pph21", -414)
    with pytest.raises(NoTaxDue):
        await propose()
    assert await faults(world.session) == []
