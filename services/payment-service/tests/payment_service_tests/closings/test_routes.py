"""The close of a month over HTTP: who may do what, what is refused, and what a dry run shows."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from payment_service_tests.village import Village, apply_events, book, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings.tasks import Closer
from payment_service.settings import Settings
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import WadahAgreementSigned
from perisai_kit.testing.plugin import BusinessTime, Tokens, Wire

NOVEMBER = Month(2025, 11)
MONTH = "/v1/commission-months/2025-11"
CLOSING, DECISION, DRY_RUN = f"{MONTH}/closing", f"{MONTH}/closing/decision", f"{MONTH}/dry-run"
CONFIRMED, REJECTED = {"verdict": "confirmed"}, {"verdict": "rejected"}
Tell = Callable[..., Awaitable[None]]
EndMonth = Callable[[Month], Awaitable[None]]
Headers = dict[str, str]


@pytest.fixture
def first(tokens: Tokens) -> Headers:
    return officer(tokens)


@pytest.fixture
def second(tokens: Tokens) -> Headers:
    return officer(tokens)


def officer(tokens: Tokens) -> Headers:
    scope = {"kind": ScopeKind.COUNTRY}
    return tokens.make(Role.FINANCE_OFFICER, scope=scope, account_id=new_id())


def keyed(headers: Headers) -> Headers:
    return {**headers, "Idempotency-Key": str(new_id())}


async def test_one_proposes_another_confirms_and_the_worker_closes(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    villages: list[Village],
    first: Headers,
    second: Headers,
    tell: Tell,
    end_month: EndMonth,
) -> None:
    await tell(*villages)
    await end_month(NOVEMBER)
    dry_run = (await client.get(DRY_RUN, headers=first)).json()

    proposed = await client.post(CLOSING, headers=keyed(first))
    waiting = (await client.get(CLOSING, headers=second)).json()
    confirmed = await client.post(DECISION, json=CONFIRMED, headers=keyed(second))
    await Closer(settings, batch=3).run(database)
    done = (await client.get(CLOSING, headers=second)).json()

    assert (proposed.status_code, confirmed.status_code) == (201, 200)
    assert proposed.json() == waiting
    assert [each["status"] for each in (waiting, confirmed.json(), done)] == [
        "proposed",
        "confirmed",
        "done",
    ]
    assert done["figures"] == waiting["figures"] == dry_run["figures"]
    assert (done["statements_issued"], done["statements_expected"]) == (8, 8)
    (month,) = (await client.get("/v1/commission-months", headers=first)).json()["items"]
    assert (month["status"], month["statement_count"]) == ("closed", 8)
    assert month["amount"] == dry_run["figures"]["amount"]
    assert month["closed_by"] == done["decided_by"]
    anew = await client.post(CLOSING, headers=keyed(first))
    assert (anew.status_code, anew.json()["code"]) == (409, "month_closed")


async def test_proposal_and_decision_answer_again_what_they_answered_first(
    client: httpx.AsyncClient, first: Headers, second: Headers, end_month: EndMonth
) -> None:
    await end_month(NOVEMBER)
    proposing, confirming = keyed(first), keyed(second)

    proposals = [await client.post(CLOSING, headers=proposing) for _ in range(2)]
    decisions = [await client.post(DECISION, json=CONFIRMED, headers=confirming) for _ in range(2)]
    anew = await client.post(CLOSING, headers=keyed(first))
    decided = await client.post(DECISION, json=CONFIRMED, headers=keyed(second))

    for original, again in (proposals, decisions):
        assert again.json() == original.json()
        assert again.headers["Idempotency-Replayed"] == "true"
    assert (anew.status_code, anew.json()["code"]) == (409, "month_closing_proposed")
    assert (decided.status_code, decided.json()["code"]) == (409, "month_closing_decided")


async def test_without_a_key_nothing_is_proposed_or_decided(
    client: httpx.AsyncClient, first: Headers, second: Headers, end_month: EndMonth
) -> None:
    await end_month(NOVEMBER)

    proposed = await client.post(CLOSING, headers=first)
    decided = await client.post(DECISION, json=CONFIRMED, headers=second)

    assert [each.status_code for each in (proposed, decided)] == [400, 400]
    assert (await client.get(CLOSING, headers=first)).json()["code"] == "month_closing_not_found"


async def test_nobody_confirms_their_own_proposal(
    client: httpx.AsyncClient, first: Headers, end_month: EndMonth
) -> None:
    await end_month(NOVEMBER)
    await client.post(CLOSING, headers=keyed(first))

    alone = await client.post(DECISION, json=CONFIRMED, headers=keyed(first))
    withdrawn = await client.post(DECISION, json=REJECTED, headers=keyed(first))
    anew = await client.post(CLOSING, headers=keyed(first))

    assert (alone.status_code, alone.json()["code"]) == (403, "own_month_closing")
    assert withdrawn.json()["status"] == "rejected"
    assert anew.status_code == 201


@pytest.mark.parametrize(
    "scope",
    [None, {"kind": ScopeKind.REGION, "code": "JTM"}, {"kind": ScopeKind.BRANCH, "code": "BWI"}],
    ids=str,
)
async def test_a_close_is_the_matter_of_the_whole_country(
    client: httpx.AsyncClient, tokens: Tokens, end_month: EndMonth, scope: Any
) -> None:
    await end_month(NOVEMBER)
    local = tokens.make(Role.FINANCE_OFFICER, scope=scope)

    answers = [
        await client.post(CLOSING, headers=keyed(local)),
        await client.post(DECISION, json=CONFIRMED, headers=keyed(local)),
        await client.get(CLOSING, headers=local),
        await client.get(DRY_RUN, headers=local),
        await client.get(f"{DRY_RUN}/statements", headers=local),
    ]

    assert [each.status_code for each in answers] == [403] * 5


async def test_a_refused_proposal_says_why(
    client: httpx.AsyncClient, first: Headers, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER.plus(1)))

    early = await client.post("/v1/commission-months/2025-12/closing", headers=keyed(first))
    behind = await client.post(CLOSING, headers=keyed(first))

    assert (early.status_code, early.json()["code"]) == (409, "month_not_over")
    assert (behind.status_code, behind.json()["code"]) == (409, "events_unread")
    assert behind.json()["details"]["subscriptions"] == {
        "commissions.payments": None,
        "commissions.members": None,
        "commissions.agents": None,
    }


async def test_what_could_not_be_closed_any_more_is_not_confirmed(
    client: httpx.AsyncClient,
    session: AsyncSession,
    first: Headers,
    second: Headers,
    end_month: EndMonth,
) -> None:
    village = Village()
    village.settle(NOVEMBER)
    await end_month(NOVEMBER)
    await client.post(CLOSING, headers=keyed(first))
    await book(session, village.settled)
    await apply_events(session, village.settled)

    refused = await client.post(DECISION, json=CONFIRMED, headers=keyed(second))
    rejected = await client.post(DECISION, json=REJECTED, headers=keyed(second))

    assert (refused.status_code, refused.json()["code"]) == (409, "payments_wait")
    assert rejected.json()["status"] == "rejected"


@pytest.mark.parametrize("month", ["2025-13", "2025-1", "0000-01", "x", "%00"])
async def test_what_is_no_month_is_refused(
    client: httpx.AsyncClient, first: Headers, month: str
) -> None:
    path = f"/v1/commission-months/{month}"

    proposed = await client.post(f"{path}/closing", headers=keyed(first))
    looked = await client.get(f"{path}/dry-run", headers=first)

    assert (proposed.status_code, looked.status_code) == (422, 422)


@pytest.mark.parametrize("month", ["1900-01", "2016-12"])
async def test_a_month_before_the_programme_is_neither_closed_nor_tried(
    client: httpx.AsyncClient, first: Headers, month: str
) -> None:
    path = f"/v1/commission-months/{month}"

    for answer in (
        await client.post(f"{path}/closing", headers=keyed(first)),
        await client.get(f"{path}/dry-run", headers=first),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "month_outside_programme")
        assert answer.json()["details"]["first_month"] == "2017-01"


async def test_a_dry_run_before_the_month_is_over_says_what_it_would_make(
    client: httpx.AsyncClient,
    session: AsyncSession,
    villages: list[Village],
    first: Headers,
    tell: Tell,
    business_time: BusinessTime,
) -> None:
    held, waiting = villages[1:3]
    days = {"starts_on": noon(NOVEMBER).date(), "ends_on": noon(NOVEMBER.plus(9)).date()}
    for village in (villages[0], waiting, villages[3]):
        village.decided.append(
            WadahAgreementSigned(wadah_id=village.wadah_id, agreement_id=new_id(), **days)
        )
    await tell(*villages)
    unanswered = Village()
    unanswered.settle(NOVEMBER)
    await book(session, unanswered.settled)
    await apply_events(session, unanswered.settled)
    business_time.at(noon(NOVEMBER, 20))

    found = (await client.get(DRY_RUN, headers=first)).json()

    figures = found.pop("figures")
    assert found == {
        "month": "2025-11",
        "refusal_code": "month_not_over",
        "waiting_payments": 1,
        "waiting_contributions": 36_800,
    }
    agents = 513_000 + 3 * 5_520 + 5_520
    wadahs = 51_300 + 3 * 552 + 552
    assert figures["statement_count"] == 8
    assert figures["amount"] == figures["payable"] == agents + wadahs
    assert figures["agents"] == {"count": 4, "amount": agents}
    assert figures["wadahs"] == {"count": 4, "amount": wadahs}
    assert figures["rest_only_count"] == 2
    assert figures["negative"] == {"count": 0, "amount": 0}
    assert figures["held"] == [{"reason": "agreement_ended", "count": 1, "amount": 3 * 552}]
    parts = ("contribution_parts", "acquisition_parts", "override_parts")
    # The two statements of less than a rupiah are 0.9 and 0.09 rupiah.
    assert sum(figures[name] for name in parts) == (agents + wadahs) * 10_000 + 9_000 + 900
    assert held.wadah_id != waiting.wadah_id


async def test_a_dry_run_counts_what_is_taken_back(
    client: httpx.AsyncClient,
    first: Headers,
    tell: Tell,
    close: Callable[[Month], Awaitable[Any]],
) -> None:
    village = Village()
    (payment,) = village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    village.decline(payment)
    await tell(village)

    found = await client.get("/v1/commission-months/2025-12/dry-run", headers=first)

    figures = found.json()["figures"]
    assert figures["negative"] == {"count": 2, "amount": -5_520 - 552}
    assert (figures["amount"], figures["payable"]) == (-6_072, 0)


async def test_only_the_next_month_is_tried(
    client: httpx.AsyncClient,
    villages: list[Village],
    first: Headers,
    tell: Tell,
    close: Callable[[Month], Awaitable[Any]],
    business_time: BusinessTime,
) -> None:
    await tell(*villages)
    business_time.at(noon(NOVEMBER.plus(1)))
    december = "/v1/commission-months/2025-12/dry-run"

    early = await client.get(december, headers=first)
    future = await client.get("/v1/commission-months/2026-01/dry-run", headers=first)
    await close(NOVEMBER)
    closed = await client.get(DRY_RUN, headers=first)
    after = await client.get(december, headers=first)

    assert (early.status_code, early.json()["code"]) == (409, "earlier_month_open")
    assert (future.status_code, future.json()["code"]) == (422, "month_outside_programme")
    assert (closed.status_code, closed.json()["code"]) == (409, "month_closed")
    assert after.json()["figures"]["statement_count"] == 0


async def test_the_statements_of_a_dry_run_are_those_of_the_close(
    client: httpx.AsyncClient,
    wire: Wire,
    villages: list[Village],
    first: Headers,
    tell: Tell,
    end_month: EndMonth,
    close: Callable[[Month], Awaitable[Any]],
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["agent_ids"]
        named = [{"agent_id": each, "full_name": f"Agen {each[-4:]}"} for each in asked]
        return httpx.Response(200, json={"items": named})

    wire.answer("agent", answer)
    await tell(*villages)
    await end_month(NOVEMBER)

    pages: list[list[dict[str, Any]]] = []
    cursor = None
    while not pages or cursor:
        query = {"limit": "3", **({"cursor": cursor} if cursor else {})}
        page = await client.get(f"{DRY_RUN}/statements", params=query, headers=first)
        pages.append(page.json()["items"])
        cursor = page.json()["next_cursor"]
    await close(NOVEMBER)

    assert [len(each) for each in pages] == [3, 3, 2]
    tried = {each["beneficiary_id"]: each for page in pages for each in page}
    issued = (await client.get("/v1/statements", headers=first)).json()["items"]
    assert len(issued) == len(tried) == 8
    for statement in issued:
        expected = tried[statement["beneficiary_id"]]
        name = expected.pop("agent_name")
        is_agent = statement["beneficiary_kind"] == "agent"
        assert name == (f"Agen {statement['beneficiary_id'][-4:]}" if is_agent else None)
        assert expected == {key: statement[key] for key in expected}
