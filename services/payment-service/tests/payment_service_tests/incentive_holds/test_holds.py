"""Stated incentives that are held: of agents dismissed for cause, and of wadahs."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.incentive_holds.conftest import dismiss, with_agreement
from payment_service_tests.village import Village, noon
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements import service as statements
from payment_service.ledger import service as ledger
from payment_service.statement_holds.tasks import on_agents_dismissed
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import Tokens

HOLDS = "/v1/incentive-holds"
NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
Officer = Callable[[], dict[str, str]]
Payables = list[tuple[Month, int]]


def keyed(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": str(new_id())}


async def payables(session: AsyncSession, beneficiary_id: UUID) -> Payables:
    found = await statements.list_payable(session, beneficiary_id)
    return [(each.month, each.payable) for each in found]


async def owed(session: AsyncSession, beneficiary_id: UUID) -> int:
    accounts = await ledger.list_accounts(session, cursor=None, limit=200)
    balances = {item.account: item.balance for item in accounts.items}
    return balances.get(f"incentive_payable:{beneficiary_id}", 0)


async def list_holds(
    client: httpx.AsyncClient, headers: dict[str, str], **asked: str
) -> list[dict[str, Any]]:
    answer = await client.get(HOLDS, params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def decide(
    client: httpx.AsyncClient, officer: Officer, hold_id: str, verdict: str
) -> httpx.Response:
    """Let one officer propose and another approve."""
    path = f"{HOLDS}/{hold_id}/proposals"
    made = await client.post(path, json={"verdict": verdict}, headers=keyed(officer()))
    assert made.status_code == 201, made.text
    decision = f"{path}/{made.json()['id']}/decision"
    return await client.post(decision, json={"verdict": "approved"}, headers=keyed(officer()))


async def show_statements(
    client: httpx.AsyncClient, tokens: Tokens, village: Village
) -> list[dict[str, Any]]:
    """Return the agent's statements as the agent sees them, the earliest first."""
    headers = tokens.make(Role.AGENT, agent_id=village.agent_id, wadah_id=village.wadah_id)
    answer = await client.get("/v1/statements", headers=headers)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items[::-1]


async def test_a_dismissal_for_fraud_freezes_what_is_stated_and_what_is_still_to_be(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    officer: Officer,
    dismissed: Village,
    close: Close,
    faults: Faults,
) -> None:
    before = await list_holds(client, officer())
    await close(DECEMBER)
    (hold,) = await list_holds(client, officer(), status="open", kind="cause")

    assert [each["amount"] for each in before] == [5_520]
    assert hold["reason"] == "fraud"
    assert (hold["beneficiary_id"], hold["amount"]) == (str(dismissed.agent_id), 11_040)
    assert [each["month"] for each in hold["statements"]] == [str(NOVEMBER), str(DECEMBER)]
    shown = await show_statements(client, tokens, dismissed)
    assert [(each["held"], each["held_reason"]) for each in shown] == [(True, "fraud")] * 2
    assert [(each["payable"], each["payable_now"]) for each in shown] == [(5_520, 0)] * 2
    assert await payables(session, dismissed.agent_id) == []
    assert await payables(session, dismissed.wadah_id) == [(NOVEMBER, 552), (DECEMBER, 552)]
    assert await faults(session) == []


async def test_what_two_officers_release_may_be_paid_and_so_may_what_follows(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    officer: Officer,
    dismissed: Village,
    close: Close,
    faults: Faults,
) -> None:
    (hold,) = await list_holds(client, officer())

    decided = await decide(client, officer, hold["id"], "release")
    await close(DECEMBER)

    assert decided.json()["status"] == "approved"
    shown = await show_statements(client, tokens, dismissed)
    assert [each["payable_now"] for each in shown] == [5_520, 5_520]
    assert [each["held"] for each in shown] == [False, False]
    assert shown[0]["released_at"] is not None
    assert await payables(session, dismissed.agent_id) == [(NOVEMBER, 5_520), (DECEMBER, 5_520)]
    assert await owed(session, dismissed.agent_id) == 11_040
    assert await faults(session) == []


async def test_what_two_officers_forfeit_is_owed_no_more_and_what_follows_is_held_again(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    officer: Officer,
    dismissed: Village,
    close: Close,
    faults: Faults,
) -> None:
    (hold,) = await list_holds(client, officer())

    decided = await decide(client, officer, hold["id"], "forfeit")
    owed_after = await owed(session, dismissed.agent_id)
    await close(DECEMBER)

    assert decided.json()["status"] == "approved"
    assert owed_after == 0
    booked = await session.execute(
        text(
            "SELECT debit_account, credit_account, amount, cause_id FROM ledger_transfers"
            " WHERE code = 'incentive_forfeited'"
        )
    )
    statement_id = UUID(hold["statements"][0]["statement_id"])
    payable, expense = f"incentive_payable:{dismissed.agent_id}", f"incentive_expense:{NOVEMBER}"
    assert booked.all() == [(payable, expense, 5_520, statement_id)]
    shown = await show_statements(client, tokens, dismissed)
    assert [each["forfeited_at"] is not None for each in shown] == [True, False]
    assert [(each["held"], each["payable_now"]) for each in shown] == [(False, 0), (True, 0)]
    statuses = [each["status"] for each in await list_holds(client, officer())]
    assert statuses == ["forfeited", "open"]
    assert await faults(session) == []


async def test_a_document_of_a_forfeited_statement_shows_its_forfeit(
    client: httpx.AsyncClient, officer: Officer, dismissed: Village, wire: Wire
) -> None:
    wire.answer("agent", lambda _: httpx.Response(200, json={"items": []}))
    (hold,) = await list_holds(client, officer())
    await decide(client, officer, hold["id"], "forfeit")
    statement_id, headers = hold["statements"][0]["statement_id"], officer()

    own = await client.get(f"/v1/statements/{statement_id}/document", headers=headers)
    month = f"/v1/statement-documents?month={NOVEMBER}&wadah_id={dismissed.wadah_id}"
    of_wadah = await client.get(month, headers=headers)

    codes = [each["code"] for each in own.json()["postings"]]
    assert codes == ["incentive_accrued", "incentive_forfeited"]
    rows = {each["statement_id"]: each for each in of_wadah.json()["statements"]}
    row = rows[statement_id]
    assert (row["forfeited_at"] is None, row["held_reason"]) == (False, None)
    assert [each["forfeited_at"] for id_, each in rows.items() if id_ != statement_id] == [None]


async def test_a_second_dismissal_for_cause_freezes_again_what_was_released(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, dismissed: Village
) -> None:
    (hold,) = await list_holds(client, officer())
    await decide(client, officer, hold["id"], "release")

    await dismiss(session, dismissed, noon(DECEMBER, 25), "gratification")

    found = await list_holds(client, officer())
    assert [(each["status"], each["reason"]) for each in found] == [
        ("released", "fraud"),
        ("open", "gratification"),
    ]
    assert await payables(session, dismissed.agent_id) == []


async def test_nobody_approves_an_own_proposal_nor_another_sum_than_was_proposed(
    client: httpx.AsyncClient,
    officer: Officer,
    dismissed: Village,
    close: Close,
) -> None:
    (hold,) = await list_holds(client, officer())
    first, second = officer(), officer()
    path = f"{HOLDS}/{hold['id']}/proposals"
    body, approve = {"verdict": "forfeit"}, {"verdict": "approved"}
    made = await client.post(path, json=body, headers=keyed(first))
    decision = f"{path}/{made.json()['id']}/decision"

    another = await client.post(path, json=body, headers=keyed(second))
    own = await client.post(decision, json=approve, headers=keyed(first))
    await close(DECEMBER)
    changed = await client.post(decision, json=approve, headers=keyed(second))
    rejected = await client.post(decision, json={"verdict": "rejected"}, headers=keyed(first))
    again = await client.post(decision, json=approve, headers=keyed(second))

    answers = [another, own, changed, again]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (409, "hold_proposal_open"),
        (403, "own_hold_proposal"),
        (409, "incentive_hold_changed"),
        (409, "hold_proposal_decided"),
    ]
    assert rejected.json()["status"] == "rejected"
    listed = await client.get(path, headers=first)
    assert [each["amount"] for each in listed.json()["items"]] == [5_520]


async def test_a_decided_hold_takes_no_more_proposals(
    client: httpx.AsyncClient, officer: Officer, dismissed: Village
) -> None:
    (hold,) = await list_holds(client, officer())
    await decide(client, officer, hold["id"], "forfeit")

    late = await client.post(
        f"{HOLDS}/{hold['id']}/proposals", json={"verdict": "release"}, headers=keyed(officer())
    )

    assert (late.status_code, late.json()["code"]) == (409, "incentive_hold_decided")
    assert late.json()["details"] == {"status": "forfeited"}


async def test_officers_see_the_holds_of_their_scope_and_only_the_country_decides(
    client: httpx.AsyncClient, tokens: Tokens, dismissed: Village, officer: Officer
) -> None:
    branch = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
    elsewhere = {"kind": ScopeKind.BRANCH, "code": "MKS", "region": "SUL"}
    (hold,) = await list_holds(client, officer())

    near = tokens.make(Role.FINANCE_OFFICER, scope=branch)
    far = tokens.make(Role.BRANCH_OFFICER, scope=elsewhere)
    refused = await client.post(
        f"{HOLDS}/{hold['id']}/proposals", json={"verdict": "release"}, headers=keyed(near)
    )
    hidden = await client.get(f"{HOLDS}/{hold['id']}", headers=far)

    assert [each["id"] for each in await list_holds(client, near)] == [hold["id"]]
    assert await list_holds(client, far) == []
    assert refused.status_code == 403
    assert (hidden.status_code, hidden.json()["code"]) == (404, "incentive_hold_not_found")


async def test_what_was_held_cannot_be_changed(session: AsyncSession, dismissed: Village) -> None:
    for change in ("UPDATE held_statements SET amount = 1", "DELETE FROM incentive_holds"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text(change))


async def test_a_dismissal_that_is_read_again_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, stated: Village
) -> None:
    event = await dismiss(session, stated, noon(DECEMBER, 1))
    (hold,) = await list_holds(client, officer())
    await decide(client, officer, hold["id"], "release")

    await on_agents_dismissed(session, [event])

    assert [each["status"] for each in await list_holds(client, officer())] == ["released"]
    assert await payables(session, stated.agent_id) == [(NOVEMBER, 5_520)]


@pytest.mark.parametrize("reason", ["resignation", "death", "other"])
async def test_another_dismissal_holds_nothing(
    session: AsyncSession, stated: Village, reason: str
) -> None:
    await dismiss(session, stated, noon(DECEMBER, 1), reason)

    assert await payables(session, stated.agent_id) == [(NOVEMBER, 5_520)]


async def test_only_what_is_beyond_a_debt_is_held_and_forfeited(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
) -> None:
    village = with_agreement(Village())
    declined = village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)
    await close(NOVEMBER)
    village.decline(declined)
    await tell(village)
    await close(DECEMBER)
    village.pay(JANUARY, month_count=3, is_acquisition=False)
    await tell(village)
    await close(JANUARY)
    await dismiss(session, village, noon(JANUARY.plus(1), 20))
    (hold,) = await list_holds(client, officer())

    await decide(client, officer, hold["id"], "forfeit")

    assert [each["amount"] for each in hold["statements"]] == [5_520, 11_040]
    assert await owed(session, village.agent_id) == 0
    assert await faults(session) == []


async def test_an_override_without_an_agreement_is_held_until_it_is_released(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
) -> None:
    village = Village()
    village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)
    await close(NOVEMBER)
    held = await payables(session, village.wadah_id)
    (hold,) = await list_holds(client, officer(), kind="wadah")

    await decide(client, officer, hold["id"], "release")
    village.pay(DECEMBER, is_acquisition=False)
    await tell(village)
    await close(DECEMBER)

    assert held == []
    assert await payables(session, village.agent_id) == [(NOVEMBER, 5_520), (DECEMBER, 5_520)]
    assert await payables(session, village.wadah_id) == [(NOVEMBER, 552)]
    found = await list_holds(client, officer(), beneficiary_id=str(village.wadah_id))
    assert [(each["status"], each["reason"]) for each in found] == [
        ("released", "agreement_ended"),
        ("open", "agreement_ended"),
    ]
    assert await faults(session) == []
