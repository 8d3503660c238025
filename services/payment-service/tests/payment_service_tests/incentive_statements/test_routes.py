"""Statements over HTTP: who sees which, and a close that is repeated."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from payment_service_tests.village import Village, noon
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Tokens

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


@pytest.fixture
def finance(tokens: Tokens) -> dict[str, str]:
    scope = {"kind": ScopeKind.COUNTRY}
    return tokens.make(Role.FINANCE_OFFICER, scope=scope, account_id=new_id())


@pytest.mark.parametrize("month", ["2025-13", "2025-1", "0000-01", "2099-12", "x", "%00"])
async def test_what_is_no_month_is_refused(
    client: httpx.AsyncClient, finance: dict[str, str], month: str
) -> None:
    listed = await client.get(f"/v1/statements?month={month}", headers=finance)

    assert listed.status_code == (200 if month == "2099-12" else 422)


async def test_everybody_sees_the_statements_that_concern_them(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, close: Close
) -> None:
    own, neighbour = Village(), Village(branch_code="MKS", region_code="SUL")
    for village in (own, neighbour):
        village.enrol(1, NOVEMBER)
    await tell(own, neighbour)
    await close(NOVEMBER)

    async def seen(*roles: Role, **more: Any) -> set[str]:
        headers = tokens.make(*roles, **more)
        answer = await client.get("/v1/statements", headers=headers)
        return {each["beneficiary_id"] for each in answer.json()["items"]}

    agent, wadah = str(own.agent_id), str(own.wadah_id)
    everybody = {agent, wadah, str(neighbour.agent_id), str(neighbour.wadah_id)}
    branch = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
    assert await seen(Role.AGENT, agent_id=own.agent_id, wadah_id=own.wadah_id) == {agent}
    assert await seen(Role.MEMBER, Role.AGENT, agent_id=new_id(), member_id=new_id()) == set()
    assert await seen(Role.WADAH_ADMIN, wadah_id=own.wadah_id) == {agent, wadah}
    assert await seen(Role.BRANCH_OFFICER, scope=branch) == {agent, wadah}
    region = {"kind": ScopeKind.REGION, "code": "SUL"}
    assert await seen(Role.AUDITOR, scope=region) == everybody - {agent, wadah}
    assert await seen(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}) == everybody
    assert await seen(Role.FINANCE_OFFICER) == set()
    assert await seen(Role.ADMIN) == everybody


async def test_a_foreign_statement_is_not_found_nor_are_its_lines(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    own = tokens.make(Role.AGENT, agent_id=village.agent_id)
    other_agent = tokens.make(Role.AGENT, agent_id=new_id(), wadah_id=village.wadah_id)
    (statement,) = (await client.get("/v1/statements", headers=own)).json()["items"]

    for path in (f"/v1/statements/{statement['id']}", f"/v1/statements/{statement['id']}/lines"):
        assert (await client.get(path, headers=own)).status_code == 200
        refused = await client.get(path, headers=other_agent)
        assert (refused.status_code, refused.json()["code"]) == (404, "statement_not_found")


async def test_statements_come_in_pages_the_latest_month_first(
    client: httpx.AsyncClient, finance: dict[str, str], tell: Tell, close: Close
) -> None:
    village = Village()
    for ahead in range(3):
        village.enrol(1, NOVEMBER.plus(ahead))
    await tell(village)
    for ahead in range(3):
        await close(NOVEMBER.plus(ahead))

    query = {"limit": "2", "beneficiary_id": str(village.agent_id)}
    first = (await client.get("/v1/statements", params=query, headers=finance)).json()
    query["cursor"] = first["next_cursor"]
    rest = (await client.get("/v1/statements", params=query, headers=finance)).json()

    months = [each["month"] for each in [*first["items"], *rest["items"]]]
    assert months == ["2026-01", "2025-12", "2025-11"]
    assert rest["next_cursor"] is None
    of_one = await client.get("/v1/statements?month=2025-12", headers=finance)
    assert {each["month"] for each in of_one.json()["items"]} == {"2025-12"}
    assert len(of_one.json()["items"]) == 2


async def test_agents_get_their_own_preview_over_http(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell
) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    await tell(village)
    agent = tokens.make(Role.AGENT, agent_id=village.agent_id)

    preview = await client.get("/v1/commission-previews?month=2025-11", headers=agent)
    lines = await client.get("/v1/commission-previews/lines?month=2025-11", headers=agent)

    assert preview.json()["amount"] == 513_000
    assert preview.json()["new_members"] == preview.json()["threshold"] == 25
    assert len(lines.json()["items"]) == 100
    first = lines.json()["items"][0]
    assert first["parts"] == first["base"] * first["rate_bps"]
    assert (first["earned_month"], first["booked_month"]) == ("2025-11", "2025-11")
    assert (first["is_opposite"], first["reason"]) == (False, None)


async def test_a_line_that_takes_another_back_says_for_which_month_and_why(
    client: httpx.AsyncClient, tokens: Tokens, tell: Tell, close: Close
) -> None:
    village = Village()
    (payment,) = village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    village.decline(payment)
    await tell(village)
    await close(NOVEMBER.plus(1))
    agent = tokens.make(Role.AGENT, agent_id=village.agent_id)

    listed = await client.get("/v1/statements?month=2025-12", headers=agent)
    (statement,) = listed.json()["items"]
    lines = await client.get(f"/v1/statements/{statement['id']}/lines", headers=agent)

    assert (statement["amount"], statement["payable"]) == (-5_520, 0)
    assert (statement["brought_debt"], statement["carried_debt"]) == (0, 5_520)
    assert len(lines.json()["items"]) == 3
    for line in lines.json()["items"]:
        assert (line["earned_month"], line["booked_month"]) == ("2025-11", "2025-12")
        assert (line["is_opposite"], line["reason"]) == (True, "payment_declined")
        assert line["parts"] == line["base"] * line["rate_bps"] < 0
        assert line["payment_id"] == str(payment.payment_id)


@pytest.mark.parametrize("month", ["1900-01", "2016-12", "2027-01", "2099-12"])
@pytest.mark.parametrize("path", ["/v1/commission-previews", "/v1/commission-previews/lines"])
async def test_nothing_is_previewed_outside_the_life_of_the_programme(
    client: httpx.AsyncClient,
    tokens: Tokens,
    business_time: BusinessTime,
    month: str,
    path: str,
) -> None:
    business_time.at(noon(Month(2026, 12)))
    agent = tokens.make(Role.AGENT, agent_id=new_id())

    refused = await client.get(path, params={"month": month}, headers=agent)
    allowed = await client.get(path, params={"month": "2026-12"}, headers=agent)

    assert (refused.status_code, refused.json()["code"]) == (422, "month_outside_programme")
    assert [each["parameter"] for each in refused.json()["errors"]] == ["month"]
    assert allowed.status_code == 200


async def test_an_open_month_is_listed_with_what_all_its_lines_add_up_to(
    client: httpx.AsyncClient,
    session: AsyncSession,
    finance: dict[str, str],
    tell: Tell,
    faults: Faults,
) -> None:
    first, second = Village(), Village()
    first.enrol(2, NOVEMBER)
    await tell(first)
    assert await list_sums(client, finance) == await add_up_lines(session)
    second.enrol(1, NOVEMBER)
    second.enrol(1, NOVEMBER.plus(1))
    await tell(second)

    listed = await list_sums(client, finance)

    assert listed == await add_up_lines(session)
    assert [month for month, *_ in listed] == [str(NOVEMBER.plus(1)), str(NOVEMBER)]
    assert await faults(session) == []


async def test_lines_that_are_in_no_sum_are_added_with_the_next_ones(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str], tell: Tell
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    await session.execute(BOOK_WITHOUT_SUMS)
    village.enrol(1, NOVEMBER)
    await tell(village)

    assert await list_sums(client, finance) == await add_up_lines(session)
    stored = await session.execute(text("SELECT line_count FROM commission_month_sums"))
    assert [count for (count,) in stored] == [count for _, count, *_ in await add_up_lines(session)]


BOOK_WITHOUT_SUMS = text(
    """
    INSERT INTO commission_lines (earned_month, booked_month, beneficiary_kind, beneficiary_id,
        agent_id, member_id, payment_id, allocation_id, scheme_id, cause, rule,
        contribution_month, programme, month_index, base, rate_bps, parts, entry_no, recorded_at)
    SELECT earned_month, booked_month, beneficiary_kind, beneficiary_id, agent_id, member_id,
           payment_id, gen_random_uuid(), scheme_id, cause, rule, contribution_month, programme,
           month_index, base, rate_bps, parts, entry_no, recorded_at
    FROM commission_lines
    """
)
LINES = text(
    """
    SELECT booked_month, count(*), sum(parts) FILTER (WHERE beneficiary_kind = 'agent'),
           sum(parts) FILTER (WHERE beneficiary_kind = 'wadah')
    FROM commission_lines GROUP BY 1 ORDER BY 1 DESC
    """
)


async def list_sums(client: httpx.AsyncClient, finance: dict[str, str]) -> list[tuple[Any, ...]]:
    answer = await client.get("/v1/commission-months", headers=finance)
    names = ("month", "line_count", "agent_parts", "wadah_parts")
    return [tuple(each[name] for name in names) for each in answer.json()["items"]]


async def add_up_lines(session: AsyncSession) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await session.execute(LINES)]
