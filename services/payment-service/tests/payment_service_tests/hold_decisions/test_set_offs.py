"""What was forfeited makes up for what is taken back of it, in whatever order it is reported."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.forfeit_reversals.test_reversals import Desk
from payment_service_tests.incentive_holds.conftest import dismiss, with_agreement
from payment_service_tests.incentive_holds.test_holds import (
    Close,
    Faults,
    Officer,
    Tell,
    decide,
    list_holds,
    owed,
    payables,
    show_statements,
)
from payment_service_tests.month_closing import agree_to_close, find_book_faults
from payment_service_tests.village import Village, apply_all, noon, read_until
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service as closings
from payment_service.counting.service import SUBSCRIPTIONS
from payment_service.forfeit_reversals import service as reversals
from payment_service.forfeit_reversals.rules import ReversalVerdict
from payment_service.hold_decisions import service as decisions
from payment_service.incentive_holds import service as holds
from payment_service.incentive_holds.models import IncentiveHold
from payment_service.incentive_holds.rules import HoldProposalVerdict, HoldVerdict
from payment_service.incentive_statements import queries as statements
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled, WadahAgreementSigned
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Tokens, Urls

NOVEMBER = Month(2025, 11)
DECEMBER, JANUARY, FEBRUARY = (NOVEMBER.plus(count) for count in (1, 2, 3))
EACH = 5_520
"""What an agent earns of one payment of a village."""


@pytest.fixture
def desk(client: httpx.AsyncClient, officer: Officer) -> Desk:
    return Desk(client, officer)


@dataclass(frozen=True)
class History:
    """A village with three payments of November, and what becomes known of them in turn."""

    session: AsyncSession
    client: httpx.AsyncClient
    officer: Officer
    tell: Tell
    close: Close
    village: Village
    paid: Sequence[PaymentSettled]

    async def dismiss(self) -> None:
        await dismiss(self.session, self.village, noon(NOVEMBER, 28))

    async def take_back(self, count: int) -> None:
        """Two of three payments do not count after all."""
        for each in self.paid[:count]:
            self.village.decline(each)
        await self.tell(self.village)

    async def forfeit(self) -> None:
        (hold,) = await list_holds(self.client, self.officer(), status="open")
        answer = await decide(self.client, self.officer, hold["id"], "forfeit")
        assert answer.status_code == 200, answer.text

    async def find_debt(self) -> int:
        agent_id = self.village.agent_id
        return (await statements.find_debts(self.session, [agent_id])).get(agent_id, 0)

    async def sum_expense(self) -> int:
        """Return what all months bear for agents and wadahs, in rupiah."""
        summed = await self.session.scalar(
            text("""
                SELECT coalesce(sum(CASE WHEN debit_account LIKE 'incentive_expense:%'
                    THEN amount ELSE -amount END), 0)::bigint FROM ledger_transfers
                WHERE 'incentive_payable:' || :agent_id IN (debit_account, credit_account)
            """),
            {"agent_id": str(self.village.agent_id)},
        )
        assert summed is not None
        return int(summed)


@pytest.fixture
async def history(
    session: AsyncSession, client: httpx.AsyncClient, officer: Officer, tell: Tell, close: Close
) -> History:
    village = with_agreement(Village())
    paid = [village.pay(NOVEMBER, is_acquisition=False) for _ in range(3)]
    await tell(village)
    return History(session, client, officer, tell, close, village, paid)


async def close_first(history: History) -> None:
    await history.close(NOVEMBER)
    await history.dismiss()


async def know_before_the_close(history: History) -> None:
    await history.take_back(2)
    await close_first(history)
    await history.forfeit()
    await history.close(DECEMBER)


async def forfeit_and_know_later(history: History) -> None:
    await close_first(history)
    await history.forfeit()
    await history.take_back(2)
    await history.close(DECEMBER)


async def know_and_forfeit_later(history: History) -> None:
    await close_first(history)
    await history.take_back(2)
    await history.close(DECEMBER)
    await history.forfeit()


async def know_piece_by_piece(history: History) -> None:
    await close_first(history)
    await history.take_back(1)
    await history.close(DECEMBER)
    await history.forfeit()
    for each in history.paid[1:2]:
        history.village.decline(each)
    await history.tell(history.village)
    await history.close(JANUARY)


@pytest.mark.parametrize(
    "order",
    [
        know_before_the_close,
        forfeit_and_know_later,
        know_and_forfeit_later,
        know_piece_by_piece,
    ],
    ids=lambda order: order.__name__,
)
async def test_no_order_of_reporting_closing_and_forfeiting_changes_what_is_owed(
    session: AsyncSession, history: History, faults: Faults, order: Callable[[History], Any]
) -> None:
    await order(history)

    agent_id = history.village.agent_id
    assert (await history.find_debt(), await owed(session, agent_id)) == (0, 0)
    assert await history.sum_expense() == 0
    forfeited = await session.scalar(
        text("""
            SELECT sum(CASE code WHEN 'incentive_forfeited' THEN amount ELSE -amount END)::bigint
            FROM ledger_transfers WHERE code IN ('incentive_forfeited', 'incentive_set_off')
        """)
    )
    assert forfeited == EACH
    assert await faults(session) == []


async def test_a_debt_beyond_what_was_forfeited_stays(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
) -> None:
    village = Village()  # its wadah has an agreement when December is closed, not before
    days = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 12, 31)}
    village.decided.append(
        WadahAgreementSigned(wadah_id=village.wadah_id, agreement_id=new_id(), **days)
    )
    paid = [village.pay(month, is_acquisition=False) for month in (NOVEMBER, DECEMBER)]
    await tell(village)
    await close(NOVEMBER)
    await close(DECEMBER)
    (hold,) = await list_holds(client, officer())
    await decide(client, officer, hold["id"], "forfeit")
    for each in paid:
        village.decline(each)
    await tell(village)
    await close(JANUARY)

    assert hold["amount"] == 552
    assert await statements.find_debts(session, [village.wadah_id]) == {village.wadah_id: 552}
    assert await payables(session, village.wadah_id) == [(DECEMBER, 552)]
    assert await owed(session, village.wadah_id) == 0
    assert await faults(session) == []


async def test_what_made_up_for_a_debt_is_shown_and_the_next_statement_knows_it(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    officer: Officer,
    history: History,
    faults: Faults,
) -> None:
    await know_and_forfeit_later(history)
    history.village.pay(JANUARY, is_acquisition=False, paid_at=noon(NOVEMBER, 21))
    await history.tell(history.village)
    await history.close(JANUARY)

    shown = await show_statements(client, tokens, history.village)
    names = ("amount", "payable", "payable_now", "deducted", "set_off", "brought_debt")
    assert [tuple(each[name] for name in names) for each in shown] == [
        (3 * EACH, 3 * EACH, 0, 2 * EACH, 0, 0),
        (-2 * EACH, 0, 0, 0, 0, 0),
        (EACH, EACH, 0, 0, 2 * EACH, 0),
    ]
    forfeited, again = await list_holds(client, officer())
    assert [(each["amount"], each["deducted"]) for each in forfeited["statements"]] == [
        (3 * EACH, 2 * EACH)
    ]
    assert (again["status"], again["amount"]) == ("open", EACH)
    assert await faults(session) == []


async def test_a_forfeit_that_is_taken_back_owes_again_what_it_made_up_for(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    desk: Desk,
    history: History,
    faults: Faults,
) -> None:
    await forfeit_and_know_later(history)
    (hold,) = await list_holds(client, officer())

    await desk.decide(await desk.propose(hold))

    agent_id = history.village.agent_id
    assert await payables(session, agent_id) == [(NOVEMBER, 3 * EACH)]
    assert await history.find_debt() == 2 * EACH
    assert await owed(session, agent_id) == EACH == await history.sum_expense()
    assert await faults(session) == []


async def test_a_forfeit_taken_back_owes_again_what_nothing_else_that_is_held_makes_up_for(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    desk: Desk,
    history: History,
    faults: Faults,
) -> None:
    await know_and_forfeit_later(history)
    history.village.pay(JANUARY, is_acquisition=False, paid_at=noon(NOVEMBER, 21))
    await history.tell(history.village)
    await history.close(JANUARY)
    forfeited, _ = await list_holds(client, officer())

    await desk.decide(await desk.propose(forfeited))
    debt = await history.find_debt()
    await history.close(FEBRUARY)

    _, held = await list_holds(client, officer())
    assert [(each["amount"], each["deducted"]) for each in held["statements"]] == [(EACH, EACH)]
    assert debt == EACH == await history.find_debt()
    assert await owed(session, history.village.agent_id) == 2 * EACH
    assert await faults(session) == []


async def test_what_a_wadah_forfeits_of_two_months_makes_up_for_its_debts_the_earliest_first(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
) -> None:
    village = Village()
    paid = [village.pay(NOVEMBER, is_acquisition=False), village.pay(DECEMBER)]
    await tell(village)
    await close(NOVEMBER)
    await close(DECEMBER)
    for hold in await list_holds(client, officer()):
        await decide(client, officer, hold["id"], "forfeit")
    lost = [each["amount"] for each in await list_holds(client, officer())]
    for each in paid:
        village.decline(each)
    await tell(village)
    await close(JANUARY)

    assert await owed(session, village.wadah_id) == 0
    assert await statements.find_debts(session, [village.wadah_id]) == {}
    used = [
        each["deducted"]
        for hold in await list_holds(client, officer())
        for each in hold["statements"]
    ]
    assert used == lost
    assert await faults(session) == []


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.mark.race
async def test_a_close_and_a_decision_at_once_take_a_debt_once(
    own: Database, settings: Settings
) -> None:
    village = with_agreement(Village())
    paid = [village.pay(NOVEMBER, is_acquisition=False) for _ in range(3)]
    async with own.begin() as session:
        await apply_all(session, village)
        await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
        await agree_to_close(session, NOVEMBER, settings=settings)
    await finish(own, settings)
    async with own.begin() as session:
        await dismiss(session, village, noon(NOVEMBER, 28))
        for each in paid[:2]:
            village.decline(each)
        await apply_all(session, village)
        await read_until(session, clock.now() - timedelta(minutes=1), *SUBSCRIPTIONS)
        await agree_to_close(session, DECEMBER, settings=settings)
        of_agent = IncentiveHold.beneficiary_id == village.agent_id
        (hold_id,) = await session.scalars(select(IncentiveHold.id).where(of_agent))
        made = await holds.propose(session, hold_id, verdict=HoldVerdict.FORFEIT, by=new_id())

    async def approve() -> None:
        async with own.begin() as session:
            verdict = HoldProposalVerdict.APPROVED
            await decisions.decide(session, hold_id, made.id, verdict=verdict, by=new_id())

    await asyncio.gather(finish(own, settings), approve())

    async with own.begin() as session:
        assert await statements.find_debts(session, [village.agent_id]) == {}
        assert await owed(session, village.agent_id) == 0
        assert await find_book_faults(session) == []
        await take_back(session, hold_id)
        debts = await statements.find_debts(session, [village.agent_id])
        assert debts == {village.agent_id: 2 * EACH}
        assert await find_book_faults(session) == []


async def finish(own: Database, settings: Settings) -> None:
    """Take the steps of a close until none is left."""
    for _ in range(20):
        async with own.begin() as session:
            if not await closings.step(session, batch=1, settings=settings):
                return
    raise AssertionError("the close does not end")


async def take_back(session: AsyncSession, hold_id: UUID) -> None:
    """Let two people take a forfeit back."""
    made = await reversals.propose(
        session, hold_id, reason="Keliru.", is_paid_otherwise=False, by=new_id()
    )
    verdict = ReversalVerdict.APPROVED
    await reversals.decide(session, hold_id, made.id, verdict=verdict, by=new_id())
