"""Disputes: who may open and answer them, and that they change no money."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.beginnings import Close, Live, Tell
from payment_service_tests.village import Village, apply_events, compute, noon
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import tasks as attributions
from payment_service.disputes import service
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AttributionPeriod, MemberAttributed, PaymentSettled
from perisai_kit.testing.plugin import BusinessTime, Step, Tokens

DISPUTES = "/v1/disputes"
NOVEMBER = Month(2025, 11)
BRANCH = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
REASON = "Peserta ini binaan saya, Siti Aminah."
MakeStep = Callable[[Live], Step]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
Headers = dict[str, str]


def keyed(headers: Headers) -> Headers:
    return {**headers, "Idempotency-Key": str(new_id())}


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    """The time of the tests and, since it is used before other fixtures, of their beginning."""
    business_time.at(noon(NOVEMBER, 20))
    return business_time


@pytest.fixture
def beginning(make_step: MakeStep) -> Sequence[Step]:
    """An agent with lines of November."""
    return [make_step(pay_once)]


async def pay_once(tell: Tell, _: Close, __: AsyncSession) -> Village:
    village = Village()
    village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)
    return village


@pytest.fixture
def village(made: Village) -> Village:
    """An agent with one payment of a member, and six lines: three own, three of the wadah."""
    return made


@pytest.fixture
def agent(tokens: Tokens, village: Village) -> Headers:
    return tokens.make(
        Role.AGENT, agent_id=village.agent_id, wadah_id=village.wadah_id, account_id=new_id()
    )


@pytest.fixture
def officer(tokens: Tokens) -> Headers:
    return tokens.make(Role.BRANCH_OFFICER, scope=BRANCH, account_id=new_id())


async def find_line(client: httpx.AsyncClient, headers: Headers) -> dict[str, Any]:
    answer = await client.get("/v1/commission-previews/lines?month=2025-11", headers=headers)
    line: dict[str, Any] = answer.json()["items"][0]
    return {"line_id": line["id"], "earned_month": line["earned_month"], "reason": REASON}


async def dispute_line(client: httpx.AsyncClient, headers: Headers) -> dict[str, Any]:
    body = await find_line(client, headers)
    answer = await client.post(DISPUTES, json=body, headers=keyed(headers))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def attribute(session: AsyncSession, village: Village, payment: PaymentSettled) -> None:
    """Give the agent the member of a payment since long."""
    period = AttributionPeriod(
        from_date=noon(NOVEMBER, 1).date(),
        agent_id=village.agent_id,
        wadah_id=village.wadah_id,
        branch_code="BWI",
        region_code="JTM",
        agent_sees=True,
    )
    event = MemberAttributed(member_id=payment.member_id, attribution_no=1, periods=(period,))
    await attributions.on_members_attributed(session, [event])


async def test_a_disputed_line_is_answered_and_changes_no_money(
    client: httpx.AsyncClient,
    session: AsyncSession,
    agent: Headers,
    officer: Headers,
    faults: Faults,
) -> None:
    count = text("SELECT count(*), sum(parts) FROM commission_lines")
    before = (await session.execute(count)).one()
    opened = await dispute_line(client, agent)

    answered = await client.post(
        f"{DISPUTES}/{opened['id']}/answer",
        json={"outcome": "corrected", "answer": "The hand-over of 3 November is corrected."},
        headers=keyed(officer),
    )

    assert (opened["status"], opened["overdue"], opened["reason"]) == ("open", False, REASON)
    assert answered.json()["status"] == "answered_corrected"
    seen = await client.get(f"{DISPUTES}/{opened['id']}", headers=agent)
    assert seen.json()["answer"] == "The hand-over of 3 November is corrected."
    assert (await session.execute(count)).one() == before
    assert await faults(session) == []


async def test_the_texts_are_encrypted(
    client: httpx.AsyncClient, session: AsyncSession, agent: Headers
) -> None:
    await dispute_line(client, agent)

    stored = await session.scalar(text("SELECT reason FROM disputes"))

    assert isinstance(stored, bytes)
    assert b"Siti" not in stored


async def test_a_repeat_is_the_same_dispute_and_another_one_about_the_line_is_refused(
    client: httpx.AsyncClient, agent: Headers
) -> None:
    body, headers = await find_line(client, agent), keyed(agent)

    first = await client.post(DISPUTES, json=body, headers=headers)
    repeat = await client.post(DISPUTES, json=body, headers=headers)
    anew = await client.post(DISPUTES, json=body, headers=keyed(agent))

    assert repeat.json() == first.json()
    assert (anew.status_code, anew.json()["code"]) == (409, "dispute_open")


async def test_a_withdrawn_dispute_can_be_opened_again_and_not_be_answered(
    client: httpx.AsyncClient, agent: Headers, officer: Headers
) -> None:
    opened = await dispute_line(client, agent)
    path = f"{DISPUTES}/{opened['id']}"

    withdrawn = await client.post(f"{path}/withdrawal", headers=keyed(agent))
    late = await client.post(
        f"{path}/answer", json={"outcome": "upheld", "answer": "No."}, headers=keyed(officer)
    )
    anew = await dispute_line(client, agent)

    assert withdrawn.json()["status"] == "withdrawn"
    assert (late.status_code, late.json()["code"]) == (409, "dispute_closed")
    assert late.json()["details"] == {"status": "withdrawn"}
    assert anew["id"] != opened["id"]


async def test_nobody_answers_their_own_dispute(
    client: httpx.AsyncClient, agent: Headers, tokens: Tokens, village: Village
) -> None:
    account_id = new_id()
    own = tokens.make(Role.AGENT, agent_id=village.agent_id, account_id=account_id)
    now_an_officer = tokens.make(Role.FINANCE_OFFICER, scope=BRANCH, account_id=account_id)
    opened = await dispute_line(client, own)

    refused = await client.post(
        f"{DISPUTES}/{opened['id']}/answer",
        json={"outcome": "corrected", "answer": "I am right."},
        headers=keyed(now_an_officer),
    )
    seen = await client.get(f"{DISPUTES}/{opened['id']}", headers=agent)

    assert (refused.status_code, refused.json()["code"]) == (403, "own_dispute")
    assert seen.json()["status"] == "open"


async def test_a_payment_of_an_own_member_without_a_line_may_be_disputed(
    client: httpx.AsyncClient, session: AsyncSession, agent: Headers, village: Village, tell: Tell
) -> None:
    missing = village.pay(NOVEMBER, agent_id=None, wadah_id=None, is_acquisition=False)
    await tell(village)
    await attribute(session, village, missing)
    foreign = village.settled[0]

    async def dispute(payment: PaymentSettled) -> tuple[int, str | None]:
        body = {"payment_id": str(payment.payment_id), "reason": REASON}
        answer = await client.post(DISPUTES, json=body, headers=keyed(agent))
        return answer.status_code, answer.json().get("code")

    outside = await dispute(foreign)
    await attribute(session, village, foreign)

    assert await dispute(missing) == (201, None)
    assert outside == (404, "disputed_payment_not_found")
    assert await dispute(foreign) == (409, "disputed_payment_has_lines")


async def test_a_foreign_line_is_not_found(
    client: httpx.AsyncClient, agent: Headers, tokens: Tokens, village: Village
) -> None:
    body = await find_line(client, agent)
    other = tokens.make(Role.AGENT, agent_id=new_id(), wadah_id=village.wadah_id)
    wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=village.wadah_id)

    refused = await client.post(DISPUTES, json=body, headers=keyed(other))
    unknown = await client.post(
        DISPUTES, json={**body, "earned_month": "2025-10"}, headers=keyed(agent)
    )
    by_wadah = await client.post(DISPUTES, json=body, headers=keyed(wadah))

    codes = [(each.status_code, each.json()["code"]) for each in (refused, unknown)]
    assert codes == [(404, "disputed_line_not_found")] * 2
    assert by_wadah.json()["beneficiary_id"] == str(village.agent_id)


async def test_everybody_lists_the_disputes_that_concern_them_and_officers_what_is_overdue(
    client: httpx.AsyncClient,
    session: AsyncSession,
    agent: Headers,
    officer: Headers,
    tokens: Tokens,
    village: Village,
    november: BusinessTime,
) -> None:
    opened = await dispute_line(client, agent)
    elsewhere = {"kind": ScopeKind.BRANCH, "code": "MKS", "region": "SUL"}

    async def seen(headers: Headers, query: str = "") -> list[str]:
        answer = await client.get(f"{DISPUTES}{query}", headers=headers)
        return [each["id"] for each in answer.json()["items"]]

    before = await seen(officer, "?overdue=true")
    counted = await service.count_overdue(session)
    november.at(clock.now() + timedelta(days=14))

    assert (before, counted) == ([], 0)
    assert await service.count_overdue(session) == 1
    assert await seen(officer, "?overdue=true") == [opened["id"]]
    assert await seen(officer, "?status=withdrawn") == []
    for own in (agent, tokens.make(Role.WADAH_ADMIN, wadah_id=village.wadah_id)):
        assert await seen(own, "?status=open") == [opened["id"]]
    assert await seen(tokens.make(Role.AGENT, agent_id=new_id())) == []
    assert await seen(tokens.make(Role.FINANCE_OFFICER, scope=elsewhere)) == []


async def test_a_line_that_is_taken_back_keeps_its_dispute(
    client: httpx.AsyncClient, session: AsyncSession, agent: Headers, village: Village
) -> None:
    opened = await dispute_line(client, agent)
    await apply_events(session, [village.suspend(noon(NOVEMBER, 5))])
    await compute(session)

    seen = await client.get(f"{DISPUTES}/{opened['id']}", headers=agent)

    assert (seen.status_code, seen.json()["line_id"]) == (200, opened["line_id"])
