"""A forfeit that was a mistake is taken back by two people, and by the opposite transfers."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.incentive_holds.test_holds import (
    DECEMBER,
    HOLDS,
    NOVEMBER,
    Close,
    Faults,
    Officer,
    keyed,
    list_holds,
    owed,
    payables,
    show_statements,
)
from payment_service_tests.village import Village
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.forfeit_reversals.rules import (
    ForfeitPaidOtherwise,
    ForfeitReversalDecided,
    OwnForfeitReversal,
    ReversalStatus,
    ReversalVerdict,
    check_decision,
    check_unpaid,
)
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

PROPOSED, APPROVED, REJECTED = ReversalStatus
REASON = "Putusan etik dibatalkan."
MISTAKE = {"reason": REASON, "is_paid_otherwise": False}


@pytest.mark.parametrize(
    ("status", "verdict", "is_own", "refusal"),
    [
        (PROPOSED, ReversalVerdict.APPROVED, True, OwnForfeitReversal),
        (APPROVED, ReversalVerdict.APPROVED, False, ForfeitReversalDecided),
        (REJECTED, ReversalVerdict.REJECTED, False, ForfeitReversalDecided),
    ],
)
def test_a_proposal_is_decided_once_and_approved_by_another_person(
    status: ReversalStatus, verdict: ReversalVerdict, is_own: bool, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        check_decision(status, verdict=verdict, is_own=is_own)


def test_ones_own_proposal_can_be_rejected() -> None:
    check_decision(PROPOSED, verdict=ReversalVerdict.REJECTED, is_own=True)


def test_what_was_paid_otherwise_stays_forfeited() -> None:
    with pytest.raises(ForfeitPaidOtherwise):
        check_unpaid(is_paid_otherwise=True)


class Desk:
    """Officers at the routes of reversals."""

    def __init__(self, client: httpx.AsyncClient, officer: Officer) -> None:
        self._client, self._officer = client, officer

    async def propose(
        self, hold: dict[str, Any], *, by: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        path = f"{HOLDS}/{hold['id']}/forfeit-reversals"
        headers = keyed(by or self._officer())
        return await self._client.post(path, json={**MISTAKE, **changes}, headers=headers)

    async def decide(
        self,
        made: httpx.Response,
        verdict: str = "approved",
        *,
        by: dict[str, str] | None = None,
    ) -> httpx.Response:
        path = f"{HOLDS}/{made.json()['hold_id']}/forfeit-reversals/{made.json()['id']}/decision"
        headers = keyed(by or self._officer())
        return await self._client.post(path, json={"verdict": verdict}, headers=headers)

    async def list_all(self, hold: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"{HOLDS}/{hold['id']}/forfeit-reversals"
        answer = await self._client.get(path, headers=self._officer())
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def desk(client: httpx.AsyncClient, officer: Officer) -> Desk:
    return Desk(client, officer)


async def test_what_two_officers_take_back_is_owed_again_and_may_be_paid(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    officer: Officer,
    desk: Desk,
    dismissed: Village,
    forfeited: dict[str, Any],
    faults: Faults,
) -> None:
    lost = await owed(session, dismissed.agent_id)

    made = await desk.propose(forfeited)
    waiting = await owed(session, dismissed.agent_id)
    decided = await desk.decide(made)

    assert (lost, waiting) == (0, 0)
    assert (made.status_code, made.json()["amount"], made.json()["status"]) == (
        201,
        5_520,
        "proposed",
    )
    assert (decided.json()["status"], decided.json()["reason"]) == ("approved", REASON)
    assert await owed(session, dismissed.agent_id) == 5_520
    assert await payables(session, dismissed.agent_id) == [(NOVEMBER, 5_520)]
    (shown,) = await show_statements(client, tokens, dismissed)
    assert (shown["forfeited_at"], shown["held"], shown["payable_now"]) == (None, False, 5_520)
    (hold,) = await list_holds(client, officer())
    assert hold["status"] == "released"
    assert await faults(session) == []


async def test_nothing_in_the_ledger_is_changed_and_the_forfeit_is_named(
    session: AsyncSession, desk: Desk, dismissed: Village, forfeited: dict[str, Any]
) -> None:
    await desk.decide(await desk.propose(forfeited))

    statement_id = UUID(forfeited["statements"][0]["statement_id"])
    booked = (
        await session.execute(
            text(
                "SELECT id, code, debit_account, credit_account, amount, correction_of"
                " FROM ledger_transfers WHERE cause_id = :id ORDER BY id"
            ),
            {"id": statement_id},
        )
    ).all()
    payable, expense = f"incentive_payable:{dismissed.agent_id}", f"incentive_expense:{NOVEMBER}"
    forfeit_id = booked[1].id
    assert [tuple(row)[1:] for row in booked] == [
        ("incentive_accrued", expense, payable, 5_520, None),
        ("incentive_forfeited", payable, expense, 5_520, None),
        ("correction", expense, payable, 5_520, forfeit_id),
    ]


async def test_one_person_takes_nothing_back(
    session: AsyncSession,
    officer: Officer,
    desk: Desk,
    dismissed: Village,
    forfeited: dict[str, Any],
) -> None:
    first = officer()
    made = await desk.propose(forfeited, by=first)

    own = await desk.decide(made, by=first)
    other = await desk.propose(forfeited)
    rejected = await desk.decide(made, "rejected", by=first)
    late = await desk.decide(made)

    assert (own.status_code, own.json()["code"]) == (403, "own_forfeit_reversal")
    assert (other.status_code, other.json()["code"]) == (409, "forfeit_reversal_open")
    assert rejected.json()["status"] == "rejected"
    assert (late.status_code, late.json()["code"]) == (409, "forfeit_reversal_decided")
    assert await owed(session, dismissed.agent_id) == 0


async def test_a_rejected_proposal_can_be_made_anew_and_an_approved_one_not(
    desk: Desk, forfeited: dict[str, Any]
) -> None:
    await desk.decide(await desk.propose(forfeited), "rejected")
    again = await desk.propose(forfeited)
    await desk.decide(again)

    third = await desk.propose(forfeited)

    assert again.status_code == 201
    assert (third.status_code, third.json()["code"]) == (409, "incentive_hold_not_forfeited")
    statuses = [each["status"] for each in await desk.list_all(forfeited)]
    assert statuses == ["rejected", "approved"]


async def test_what_was_not_forfeited_or_was_paid_otherwise_is_refused(
    client: httpx.AsyncClient, officer: Officer, desk: Desk, dismissed: Village
) -> None:
    (hold,) = await list_holds(client, officer())

    held = await desk.propose(hold)
    paid = await desk.propose(hold, is_paid_otherwise=True)
    unknown = await desk.propose({"id": str(new_id())})

    assert (held.status_code, held.json()["code"]) == (409, "incentive_hold_not_forfeited")
    assert (paid.status_code, paid.json()["code"]) == (409, "forfeit_paid_otherwise")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "incentive_hold_not_found")


async def test_a_later_hold_on_the_agent_is_decided_by_itself(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    desk: Desk,
    dismissed: Village,
    forfeited: dict[str, Any],
    close: Close,
    faults: Faults,
) -> None:
    await close(DECEMBER)

    await desk.decide(await desk.propose(forfeited))

    statuses = [each["status"] for each in await list_holds(client, officer())]
    assert statuses == ["released", "open"]
    assert await payables(session, dismissed.agent_id) == [(NOVEMBER, 5_520)]
    assert await faults(session) == []


async def test_the_reason_is_stored_encrypted(
    session: AsyncSession, desk: Desk, forfeited: dict[str, Any]
) -> None:
    await desk.propose(forfeited)

    stored = await session.scalar(text("SELECT reason FROM forfeit_reversals"))

    assert stored is not None
    assert REASON.encode() not in bytes(stored)
