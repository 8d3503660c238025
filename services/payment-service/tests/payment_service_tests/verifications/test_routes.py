"""Verifications over HTTP: after a close by itself, and once more when an officer asks."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from payment_service_tests.month_closing import find_month
from payment_service_tests.village import Village
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.verifications import queries
from payment_service.verifications import service as verifications
from payment_service.verifications.tasks import Verifier, is_due, pending
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Tokens

NOVEMBER = Month(2025, 11)
VERIFICATION = "/v1/commission-months/2025-11/verification"
Tell = Callable[..., Awaitable[None]]
Close = Callable[[Month], Awaitable[None]]


def officer(tokens: Tokens) -> dict[str, str]:
    scope = {"kind": ScopeKind.COUNTRY}
    token = tokens.make(Role.FINANCE_OFFICER, scope=scope, account_id=new_id())
    return {**token, "Idempotency-Key": str(new_id())}


async def list_verified(client: httpx.AsyncClient, headers: dict[str, str]) -> list[str | None]:
    page = (await client.get("/v1/commission-months", headers=headers)).json()
    return [each["verified"] for each in page["items"]]


async def test_a_closed_month_is_pending_until_the_worker_has_verified_it(
    client: httpx.AsyncClient,
    session: AsyncSession,
    database: Database,
    tokens: Tokens,
    tell: Tell,
    close: Close,
) -> None:
    village = Village()
    village.enrol(3, NOVEMBER)
    await tell(village)
    headers = officer(tokens)
    open_month = await list_verified(client, headers)
    await close(NOVEMBER)
    early = await client.get(VERIFICATION, headers=headers)
    pending = await list_verified(client, headers)

    more = await Verifier().run(database)
    found = (await client.get(VERIFICATION, headers=headers)).json()

    assert (open_month, pending) == ([None], ["pending"])
    assert (early.status_code, early.json()["code"]) == (404, "month_not_verified")
    assert more is False
    assert await list_verified(client, headers) == ["agrees"]
    assert (found["verified"], found["difference_count"], found["differences"]) == ("agrees", 0, [])
    month = await find_month(session, NOVEMBER)
    assert found["stated_amount"] == found["computed_amount"] == month.amount
    assert found["booked_parts"] == month.agent_parts + month.wadah_parts
    assert (found["line_count"], found["statement_count"]) == (month.line_count, 2)
    assert found["sql_sha256"] == queries.VERIFY_SHA256


async def test_an_officer_lets_a_month_be_verified_once_more(
    client: httpx.AsyncClient, database: Database, tokens: Tokens, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    too_early = await client.post(VERIFICATION, headers=officer(tokens))
    await close(NOVEMBER)
    await Verifier().run(database)
    first = (await client.get(VERIFICATION, headers=officer(tokens))).json()

    asked = await client.post(VERIFICATION, headers=officer(tokens))
    again = await client.post(VERIFICATION, headers=officer(tokens))
    waiting = (await client.get(VERIFICATION, headers=officer(tokens))).json()
    await Verifier().run(database)
    second = (await client.get(VERIFICATION, headers=officer(tokens))).json()

    assert (too_early.status_code, too_early.json()["code"]) == (409, "month_open")
    assert asked.status_code == 202
    assert (again.status_code, again.json()["code"]) == (409, "month_verification_requested")
    assert [each["requested_again"] for each in (first, waiting, second)] == [False, True, False]
    assert second["started_at"] >= first["finished_at"]


async def test_a_month_that_differs_shows_where(
    client: httpx.AsyncClient,
    database: Database,
    session: AsyncSession,
    tokens: Tokens,
    tell: Tell,
    close: Close,
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    await session.execute(text("UPDATE coverage_answers SET months = '[]'"))

    await Verifier().run(database)
    found = (await client.get(VERIFICATION, headers=officer(tokens))).json()

    assert await list_verified(client, officer(tokens)) == ["differs"]
    assert found["verified"] == "differs"
    assert found["difference_count"] == len(found["differences"]) == 6
    assert {each["name"] for each in found["differences"]} == {"line.unfounded"}
    assert {each["computed"] for each in found["differences"]} == {0}


async def test_months_are_verified_one_after_the_other_each_once(
    database: Database, session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    village.enrol(1, NOVEMBER.plus(1))
    await tell(village)
    await close(NOVEMBER)
    await close(NOVEMBER.plus(1))

    turns = [await Verifier().run(database) for _ in range(3)]

    made = await session.scalars(text("SELECT month FROM month_verifications ORDER BY id"))
    assert turns == [True, False, False]
    assert list(made) == ["2025-11", "2025-12"]


async def test_the_worker_has_a_month_to_verify_once_closed_and_once_asked(
    client: httpx.AsyncClient,
    database: Database,
    session: AsyncSession,
    tokens: Tokens,
    tell: Tell,
    close: Close,
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    found = [await is_due(session)]
    await close(NOVEMBER)
    found.append(await is_due(session))
    await Verifier().run(database)
    found.append(await is_due(session))
    await client.post(VERIFICATION, headers=officer(tokens))
    found.append(await is_due(session))
    await Verifier().run(database)

    assert found == [False, True, False, True]
    assert not await is_due(session)


async def test_a_month_that_fails_is_counted_and_stops_no_other(
    database: Database, session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    for month in (NOVEMBER, NOVEMBER.plus(1)):
        village.enrol(1, month)
        await tell(village)
        await close(month)
    failures = [RuntimeError("not stored")]
    verifier = Verifier()

    async def fail_once(_: AsyncSession) -> None:
        if failures:
            raise failures.pop()

    with pytest.raises(RuntimeError):
        await verifier.run(database.with_guard(fail_once))
    pending_after = [pending._value.get()]
    verdicts = []
    for _ in range(3):
        await verifier.run(database)
        pending_after.append(pending._value.get())
        found = await verifications.find_verdicts(session, [NOVEMBER, NOVEMBER.plus(1)])
        verdicts.append([each.value for each in found.values()])

    assert pending_after == [2, 1, 0, 0]
    assert verdicts == [["pending", "agrees"], ["agrees", "agrees"], ["agrees", "agrees"]]


async def test_a_second_opinion_that_left_something_out_is_made_again(
    client: httpx.AsyncClient,
    session: AsyncSession,
    database: Database,
    tokens: Tokens,
    business_time: BusinessTime,
    tell: Tell,
    close: Close,
) -> None:
    village = Village()
    village.enrol(3, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    await session.execute(
        text(
            "INSERT INTO commission_waits SELECT allocation_id, payment_id, counts_at, false"
            " FROM coverage_answers LIMIT 1"
        )
    )
    headers = officer(tokens)

    await Verifier().run(database)
    left_out = (await client.get(VERIFICATION, headers=headers)).json()
    listed, alarmed = await list_verified(client, headers), pending._value.get()
    # What waits would be booked in the open month now.
    due_at_once = await is_due(session)
    await session.execute(text("DELETE FROM commission_waits"))
    business_time.at(clock.now() + timedelta(minutes=11))
    await Verifier().run(database)
    whole = (await client.get(VERIFICATION, headers=headers)).json()

    assert (left_out["verified"], left_out["left_out_count"]) == ("pending", 1)
    assert (left_out["difference_count"], listed, alarmed) == (0, [None, "pending"], 1)
    assert due_at_once is False
    assert (whole["verified"], whole["left_out_count"]) == ("agrees", 0)
    assert await list_verified(client, headers) == ["agrees"]

    await session.execute(
        text(
            "INSERT INTO commission_waits SELECT allocation_id, payment_id, counts_at, false"
            " FROM coverage_answers LIMIT 1"
        )
    )
    await client.post(VERIFICATION, headers=headers)
    await Verifier().run(database)
    assert (await list_verified(client, headers))[-1] == "agrees"  # what is proven stays so
