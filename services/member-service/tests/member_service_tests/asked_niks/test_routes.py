"""An account learns of few NIKs that somebody has them."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from member_service.asked_niks import service, tasks
from member_service.asked_niks.models import AskedNik
from member_service.asked_niks.rules import TooManyKnownNiks
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime, open_app_client

Form = Callable[..., dict[str, Any]]
LIMIT = 3


@pytest.fixture
async def client(make_app: Any, database: Database, wire: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(database=database, wire=wire, known_nik_daily_limit=LIMIT)
    async with open_app_client(app) as client:
        yield client


async def register(client: httpx.AsyncClient, by: Any, form: dict[str, Any]) -> httpx.Response:
    return await client.post("/v1/members", json=form, headers=by.keyed())


async def send(client: httpx.AsyncClient, by: Any, *rows: Any, **more: Any) -> httpx.Response:
    body = {"batch_id": str(new_id()), "rows": list(rows), **more}
    return await client.post("/v1/enrolment-batches", json=body, headers=by.keyed())


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@pytest.fixture
def known(client: httpx.AsyncClient, make_agent: Any, form: Form) -> Callable[[], Any]:
    """Register somebody by another agent; return the NIK."""
    other = make_agent()

    async def make() -> str:
        registered = await register(client, other, form())
        assert registered.status_code == 201, registered.text
        filled = form()
        # The serials of forms follow one another.
        return f"{filled['nik'][:12]}{int(filled['nik'][12:]) - 1:04}"

    return make


async def test_an_account_that_has_met_many_registered_people_registers_nobody_for_a_day(
    client: httpx.AsyncClient,
    agent: Any,
    make_agent: Any,
    form: Form,
    known: Any,
    business_time: BusinessTime,
    database: Database,
) -> None:
    niks = [await known() for _ in range(LIMIT)]

    refused = [code(await register(client, agent, form(nik=nik))) for nik in niks]
    known_one, unknown_one = [
        await register(client, agent, form(nik=nik)) for nik in (niks[0], form()["nik"])
    ]
    batch = await send(client, agent, form(nik=niks[1]), form())
    of_other = await register(client, make_agent(), form())

    assert refused == [(409, "member_nik_registered")] * LIMIT
    blocked = {code(each) for each in (known_one, unknown_one, batch)}
    assert blocked == {(429, "too_many_known_niks")}
    assert 86_000 < int(batch.headers["Retry-After"]) <= 86_400
    assert of_other.status_code == 201

    business_time.at(clock.now() + timedelta(hours=24, seconds=1))
    assert (await register(client, agent, form())).status_code == 201
    assert await tasks.delete_uncounted(database) is False
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AskedNik)) == 0


async def test_rows_of_a_batch_count_and_a_repeated_batch_gets_its_verdicts(
    client: httpx.AsyncClient, agent: Any, form: Form, known: Any
) -> None:
    rows = [form(), *[form(nik=await known()) for _ in range(LIMIT)]]
    batch_id = str(new_id())

    first = await send(client, agent, *rows, batch_id=batch_id)
    again = await send(client, agent, *rows, batch_id=batch_id)
    another = await send(client, agent, form())

    statuses = [each["status"] for each in first.json()["rows"]]
    assert statuses == ["accepted"] + ["duplicate"] * LIMIT
    assert (again.status_code, again.json()) == (207, first.json())
    assert code(another) == (429, "too_many_known_niks")


async def test_the_own_row_again_and_what_tells_nothing_count_nothing(
    client: httpx.AsyncClient, agent: Any, form: Form, known: Any
) -> None:
    mine, nik = form(), await known()
    await send(client, agent, mine)

    for _ in range(LIMIT + 1):
        repeated = await send(client, agent, mine)
        assert repeated.json()["rows"][0]["member_id"] == mine["id"]
        wrong = await register(client, agent, form(nik=nik, declared_income=1))
        assert wrong.status_code == 422
    same = [await register(client, agent, form(nik=nik)) for _ in range(LIMIT + 1)]

    assert {each.status_code for each in same} == {409}
    assert (await register(client, agent, form())).status_code == 201


async def test_another_refusal_tells_no_more_of_a_nik(
    client: httpx.AsyncClient, agent: Any, form: Form
) -> None:
    taken = form()
    await register(client, agent, taken)

    probes = [await register(client, agent, form(id=taken["id"])) for _ in range(LIMIT)]

    assert {code(each) for each in probes} == {(409, "member_id_taken")}
    assert code(await register(client, agent, form())) == (429, "too_many_known_niks")


async def test_refusals_at_once_do_not_pass_the_limit_together(
    client: httpx.AsyncClient, agent: Any, form: Form, known: Any, database: Database
) -> None:
    """Each was checked before any of the others was recorded."""
    for nik in [await known() for _ in range(LIMIT)]:
        await register(client, agent, form(nik=nik))
    account_id = agent.principal.account_id

    async with database.begin() as session:
        with pytest.raises(TooManyKnownNiks):
            await service.record(session, account_id=account_id, nik_hashes=[b"1"], limit=LIMIT)
