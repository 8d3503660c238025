"""An account learns of few NIKs whether the person is an agent or applies elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
from agent_service_tests.conftest import make_nik
from sqlalchemy import func, select

from agent_service.asked_niks import tasks
from agent_service.asked_niks.models import AskedNik
from agent_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

LIMIT = Settings.model_fields["applicant_nik_daily_limit"].default


async def apply(world: World, nik: str, *, by: dict[str, str]) -> httpx.Response:
    """Apply with a NIK, and withdraw again if it was taken."""
    answer = await world.post("applications", await world.new_application(nik=nik), by=by)
    if answer.status_code == 201:
        path = f"applications/{answer.json()['id']}/withdrawal"
        await world.ok(path, {"reason": "Another one."}, by=by)
    return answer


async def test_refusals_count_as_much_as_applications(world: World) -> None:
    applicant, other = world.applicant(), world.applicant()
    agent, open_one = make_nik(), make_nik()
    await world.agent(nik=agent)
    await world.apply(nik=open_one)
    niks = [agent, open_one, *(make_nik() for _ in range(LIMIT - 2))]

    answers = [await apply(world, nik, by=applicant) for nik in niks]
    refused = [await apply(world, nik, by=applicant) for nik in (make_nik(), agent[:-4] + "9999")]
    again = await apply(world, agent, by=applicant)
    of_other = await apply(world, agent, by=other)

    assert [each.status_code for each in answers] == [409, 409] + [201] * (LIMIT - 2)
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(429, "too_many_niks")}
    assert 86_000 < int(refused[0].headers["Retry-After"]) <= 86_400
    assert (again.status_code, again.json()["code"]) == (409, "agent_exists")
    assert (of_other.status_code, of_other.json()["code"]) == (409, "agent_exists")


async def test_what_tells_nothing_about_a_person_counts_nothing(world: World) -> None:
    applicant = world.applicant()
    account_id = new_id()
    without_code = world.applicant(account_id=account_id, amr=("pwd",))
    with_code = world.applicant(account_id=account_id)
    good = await world.new_application()

    for n in range(LIMIT + 1):
        invalid = {**good, "nik": f"35101132039000{n:02}"}
        assert (await world.post("applications", invalid, by=applicant)).status_code == 422
        mistyped = {**good, "nik": make_nik(), "account_no": "1"}
        assert (await world.post("applications", mistyped, by=applicant)).status_code == 422
        unproven = {**good, "nik": make_nik()}
        assert (await world.post("applications", unproven, by=without_code)).status_code == 403

    assert (await apply(world, make_nik(), by=applicant)).status_code == 201
    assert (await apply(world, make_nik(), by=with_code)).status_code == 201


async def test_the_same_nik_counts_once_and_a_repeat_gets_its_first_answer(world: World) -> None:
    applicant, nik = world.applicant(), make_nik()
    body = await world.new_application(nik=nik)
    first = await world.post("applications", body, by=applicant, key="first-key-1")
    path = f"applications/{first.json()['id']}/withdrawal"
    await world.ok(path, {"reason": "Another account."}, by=applicant)

    same = [await apply(world, nik, by=applicant) for _ in range(LIMIT + 1)]
    others = [await apply(world, make_nik(), by=applicant) for _ in range(LIMIT)]
    repeated = await world.post("applications", body, by=applicant, key="first-key-1")

    assert {each.status_code for each in same} == {201}
    assert [each.status_code for each in others] == [201] * (LIMIT - 1) + [429]
    assert (repeated.status_code, repeated.json()) == (201, first.json())


async def test_a_day_later_others_may_be_named_and_nothing_is_kept(
    world: World, database: Database, business_time: BusinessTime
) -> None:
    applicant = world.applicant()
    for _ in range(LIMIT):
        await apply(world, make_nik(), by=applicant)
    refused = await apply(world, make_nik(), by=applicant)

    business_time.at(clock.now() + timedelta(hours=24, seconds=1))
    later = await apply(world, make_nik(), by=applicant)
    has_more = await tasks.delete_uncounted(database)

    assert (refused.status_code, later.status_code, has_more) == (429, 201, False)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AskedNik)) == 1
