"""What an agent or a wadah gets so far, in one small answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from payment_service_tests.month_closing import agree_to_close
from payment_service_tests.village import Village, apply_events, book, noon
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service as closings
from payment_service.settings import Settings
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Tokens

NOVEMBER = Month(2025, 11)
PATH = "/v1/me/incentive"
Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[[Month], Awaitable[Any]]
Headers = dict[str, str]


def agent_of(tokens: Tokens, village: Village) -> Headers:
    return tokens.make(Role.AGENT, agent_id=village.agent_id, wadah_id=village.wadah_id)


async def read(client: httpx.AsyncClient, headers: Headers) -> dict[str, Any]:
    answer = await client.get(PATH, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_agent_sees_the_month_so_far_in_rupiah(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    tell: Tell,
    business_time: BusinessTime,
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(25, NOVEMBER)
    await tell(village)
    waiting = Village(agent_id=village.agent_id)
    waiting.enrol(2, NOVEMBER)
    await book(session, waiting.settled)
    await apply_events(session, [*waiting.settled, *waiting.answered])

    found = await read(client, agent_of(tokens, village))

    assert found == {
        "month": "2025-11",
        "kind": "agent",
        "payable": 513_000,
        "amount": 513_000,
        "contribution": 138_000,
        "acquisition": 375_000,
        "override": 0,
        "debt": 0,
        "new_members": 25,
        "threshold": 25,
        "waiting_payments": 2,
        "waiting_contributions": 2 * 36_800,
        "bonus_review": None,
        "scheme_name": found["scheme_name"],
        "earlier": [],
    }
    assert isinstance(found["scheme_name"], str)


async def test_a_wadah_sees_its_share(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(25, NOVEMBER)
    await tell(village)

    found = await read(client, tokens.make(Role.WADAH_ADMIN, wadah_id=village.wadah_id))

    assert (found["kind"], found["payable"], found["override"]) == ("wadah", 51_300, 51_300)
    assert found["new_members"] is found["threshold"] is found["waiting_payments"] is None


async def test_earlier_months_are_shown_until_and_after_they_are_closed(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    tokens: Tokens,
    tell: Tell,
    close: Close,
    read_all: ReadAll,
    business_time: BusinessTime,
) -> None:
    village = Village()
    for ahead in range(-4, 2):
        village.pay(NOVEMBER.plus(ahead), is_acquisition=False)
    await tell(village)
    for ahead in range(-4, 0):
        await close(NOVEMBER.plus(ahead))
    business_time.at(noon(NOVEMBER.plus(1)))
    await read_all(clock.now())
    agent = agent_of(tokens, village)

    def seen(answer: dict[str, Any]) -> list[tuple[str, str, int]]:
        return [(each["month"], each["status"], each["payable"]) for each in answer["earlier"]]

    before = await read(client, agent)
    await agree_to_close(session, NOVEMBER, settings=settings)
    found = []
    while await closings.step(session, batch=1, settings=settings):
        found.append(await read(client, agent))

    last = [("2025-10", "issued", 5_520), ("2025-09", "issued", 5_520)]
    assert (before["month"], before["payable"]) == ("2025-12", 5_520)
    assert seen(before) == [("2025-11", "open", 5_520), *last, ("2025-08", "issued", 5_520)]
    for each in found[:-1]:
        assert seen(each) == [("2025-11", "closing", 5_520), *last, ("2025-08", "issued", 5_520)]
    assert seen(found[-1]) == [("2025-11", "issued", 5_520), *last]
    without = [{**each, "earlier": None} for each in (before, *found)]
    assert all(each == without[0] for each in without)


async def test_a_debt_is_made_up_for_first_and_a_held_statement_says_so(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, close: Close
) -> None:
    village = Village()
    (payment,) = village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    village.decline(payment)
    village.pay(NOVEMBER.plus(2), is_acquisition=False, month_count=2)
    await tell(village)
    await close(NOVEMBER.plus(1))

    agent = await read(client, agent_of(tokens, village))
    wadah = await read(client, tokens.make(Role.WADAH_ADMIN, wadah_id=village.wadah_id))

    assert (agent["month"], agent["amount"]) == ("2026-01", 11_040)
    assert (agent["debt"], agent["payable"]) == (5_520, 5_520)
    assert [(each["amount"], each["payable"]) for each in agent["earlier"]] == [
        (-5_520, 0),
        (5_520, 5_520),
    ]
    assert {each["held_reason"] for each in agent["earlier"]} == {None}
    # Of a statement of less than nothing there is nothing to hold.
    assert [(each["status"], each["held_reason"]) for each in wadah["earlier"]] == [
        ("issued", None),
        ("held", "agreement_ended"),
    ]


async def test_it_is_what_the_preview_says(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER.plus(1)))
    village = Village()
    for ahead in range(2):
        village.pay(NOVEMBER.plus(ahead), prices={"jht": (33, 0)}, is_acquisition=False)
    await tell(village)
    agent = agent_of(tokens, village)

    found = await read(client, agent)
    preview = (await client.get("/v1/commission-previews", headers=agent)).json()

    # 4.95 rupiah a month: the rest of November makes December five.
    assert (found["amount"], found["contribution"]) == (5, 5)
    names = {"month", "amount", "payable", "new_members", "threshold", "waiting_payments"}
    assert {name: found[name] for name in names} == {name: preview[name] for name in names}


async def test_an_answer_that_has_not_changed_is_not_sent_again(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    agent = agent_of(tokens, village)
    first = await client.get(PATH, headers=agent)
    known = {**agent, "If-None-Match": first.headers["ETag"]}

    business_time.at(noon(NOVEMBER, 21))
    unchanged = await client.get(PATH, headers=known)
    village.enrol(1, NOVEMBER)
    await tell(village)
    changed = await client.get(PATH, headers=known)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (changed.status_code, changed.json()["payable"]) == (200, 11_040)


async def test_it_takes_as_many_queries_for_many_lines_as_for_none(
    client: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    tell: Tell,
    business_time: BusinessTime,
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    asked: list[str] = []
    agent = agent_of(tokens, village)

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        await read(client, agent)
        for_none = len(asked)
        village.enrol(30, NOVEMBER)
        await tell(village)
        asked.clear()
        await read(client, agent)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)

    assert 0 < len(asked) == for_none <= 12


@pytest.mark.parametrize("role", [Role.AGENT, Role.WADAH_ADMIN])
async def test_an_account_that_is_linked_to_nobody_has_no_incentive(
    client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    answer = await client.get(PATH, headers=tokens.make(role))

    assert (answer.status_code, answer.json()["code"]) == (404, "beneficiary_not_found")


async def test_who_has_earned_nothing_yet_sees_zero(
    client: httpx.AsyncClient, tokens: Tokens, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))

    found = await read(client, tokens.make(Role.AGENT, agent_id=new_id()))

    assert (found["payable"], found["new_members"], found["earlier"]) == (0, 0, [])


async def test_who_is_an_agent_and_administers_a_wadah_chooses_as_whom_to_look(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, business_time: BusinessTime
) -> None:
    business_time.at(noon(NOVEMBER, 20))
    village = Village()
    village.enrol(3, NOVEMBER)
    await tell(village)
    both = tokens.make(
        Role.AGENT, Role.WADAH_ADMIN, agent_id=village.agent_id, wadah_id=village.wadah_id
    )

    as_agent = await read(client, both)
    as_wadah = (await client.get(f"{PATH}?kind=wadah", headers=both)).json()
    only_agent = await client.get(f"{PATH}?kind=wadah", headers=agent_of(tokens, village))
    payouts = await client.get("/v1/me/payouts?kind=wadah", headers=agent_of(tokens, village))
    slips = await client.get("/v1/me/tax-slips?kind=wadah", headers=agent_of(tokens, village))

    assert (as_agent["kind"], as_agent["amount"]) == ("agent", 16_560)
    assert (as_wadah["kind"], as_wadah["amount"]) == ("wadah", 1_656)
    for refused in (only_agent, payouts, slips):
        assert (refused.status_code, refused.json()["code"]) == (404, "beneficiary_not_found")
