from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

if TYPE_CHECKING:
    from agent_service_tests.conftest import World


def agreement(number: str, first: int, last: int) -> dict[str, Any]:
    """Make an agreement from `first` to `last` days from today."""
    today = clock.today()
    return {
        "number": number,
        "starts_on": (today + timedelta(days=first)).isoformat(),
        "ends_on": (today + timedelta(days=last)).isoformat(),
    }


async def test_branch_officers_register_wadahs_of_their_branch(world: World) -> None:
    await world.branch()

    answer = await world.post("wadahs", world.new_wadah(), by=world.officer)

    wadah = answer.json()
    assert answer.status_code == 201
    assert (wadah["active"], wadah["status"], wadah["region_code"]) == (True, "registered", "JATIM")
    assert wadah["warnings"] == [{"code": "too_few_agents", "minimum": 5, "found": 0}]
    assert [each["to_status"] for each in wadah["history"]] == ["registered"]


async def test_an_officer_of_another_branch_does_not_register_a_wadah(world: World) -> None:
    await world.branch()

    answer = await world.post("wadahs", world.new_wadah(), by=world.outsider)

    assert (answer.status_code, answer.json()["code"]) == (403, "branch_out_of_scope")


@pytest.mark.parametrize("role", [Role.AGENT, Role.WADAH_ADMIN, Role.AUDITOR, Role.MEMBER])
async def test_other_roles_do_not_register_a_wadah(world: World, role: Role) -> None:
    await world.branch()

    answer = await world.post("wadahs", world.new_wadah(), by=world.tokens.make(role))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_wadah_without_an_agreement_becomes_active_with_its_first(world: World) -> None:
    wadah = await world.wadah(agreement=None)
    assert wadah["active"] is False
    assert "no_agreement_in_force" in [each["code"] for each in wadah["warnings"]]

    path = f"wadahs/{wadah['id']}/agreements"
    signed = await world.ok(path, agreement("PKS/1", 0, 100), by=world.officer)

    assert signed["active"] is True
    assert [each["number"] for each in signed["agreements"]] == ["PKS/1"]


async def test_an_agreement_that_is_over_does_not_make_a_wadah_active(world: World) -> None:
    wadah = await world.wadah(agreement=agreement("PKS/0", -100, -1))

    coming = await world.ok(
        f"wadahs/{wadah['id']}/agreements", agreement("PKS/2", 1, 100), by=world.officer
    )

    assert (wadah["active"], coming["active"]) == (False, False)


async def test_an_agreement_number_is_used_once_by_a_wadah(world: World) -> None:
    wadah = await world.wadah(agreement=agreement("PKS/1", 0, 10))

    answer = await world.post(
        f"wadahs/{wadah['id']}/agreements", agreement("PKS/1", 11, 20), by=world.officer
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "agreement_number_taken")


async def test_an_agreement_longer_than_a_year_is_refused_by_its_field(world: World) -> None:
    await world.branch()

    answer = await world.post(
        "wadahs", world.new_wadah(agreement=agreement("PKS/1", 0, 400)), by=world.officer
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "agreement_too_long")
    assert answer.json()["errors"][0]["pointer"] == "/agreement/ends_on"


async def test_a_terminated_wadah_is_not_active_and_signs_nothing(world: World) -> None:
    wadah = await world.wadah()
    body = {"reason_code": "below_target", "reason": "Three months below the target"}

    ended = await world.ok(f"wadahs/{wadah['id']}/termination", body, by=world.officer)
    again = await world.post(f"wadahs/{wadah['id']}/termination", body, by=world.officer)
    signed = await world.post(
        f"wadahs/{wadah['id']}/agreements", agreement("PKS/9", 0, 10), by=world.officer
    )

    assert (ended["active"], ended["status"]) == (False, "terminated")
    assert ended["history"][0]["reason"] == "Three months below the target"
    assert ended["history"][0]["reason_code"] == "below_target"
    assert [each.json()["code"] for each in (again, signed)] == ["wadah_terminated"] * 2


async def test_agreements_and_a_termination_are_published(
    world: World, events: Callable[[], Any]
) -> None:
    first = world.new_wadah()["agreement"]
    wadah = await world.wadah(agreement=first)
    second = {**first, "number": "PKS/2/2026", "pays": "agents"}
    signed = await world.ok(f"wadahs/{wadah['id']}/agreements", second, by=world.officer)
    end = {"reason_code": "fraud", "reason": "Kept contributions"}
    ended = await world.ok(f"wadahs/{wadah['id']}/termination", end, by=world.officer)

    published = (await events())[-3:]

    numbers = {each["id"]: each["number"] for each in signed["agreements"]}
    assert [kind for kind, _ in published] == ["wadah.agreement_signed.v1"] * 2 + [
        "wadah.terminated.v1"
    ]
    assert [numbers[data["agreement_id"]] for _, data in published[:2]] == [
        "PKS/1/2026",
        "PKS/2/2026",
    ]
    assert [data["pays"] for _, data in published[:2]] == [None, "agents"]
    assert [each["pays"] for each in signed["agreements"]] == ["agents", None]
    for _, data in published[:2]:
        period = (data["starts_on"], data["ends_on"])
        assert (data["wadah_id"], period) == (
            wadah["id"],
            (first["starts_on"], first["ends_on"]),
        )
    assert published[2][1] == {
        "wadah_id": wadah["id"],
        "reason_code": "fraud",
        "decided_at": ended["history"][0]["changed_at"],
    }


async def test_subjects_see_the_wadahs_that_concern_them(world: World) -> None:
    active = await world.wadah()
    idle = await world.wadah(agreement=None)
    make = world.tokens.make
    region = {"kind": "region", "code": "JATIM"}

    async def seen(by: dict[str, str]) -> set[str]:
        return {each["id"] for each in (await world.get("wadahs", by=by)).json()["items"]}

    both = {active["id"], idle["id"]}
    assert await seen(world.officer) == both
    assert await seen(make(Role.AUDITOR, scope=region)) == both
    assert await seen(world.admin) == both
    assert await seen(world.outsider) == set()
    assert await seen(make(Role.AUDITOR)) == set()
    assert await seen(make(Role.WADAH_ADMIN, wadah_id=idle["id"])) == {idle["id"]}
    assert await seen(make(Role.AGENT, wadah_id=idle["id"])) == {idle["id"]}
    assert await seen(world.applicant()) == {active["id"]}


async def test_a_foreign_wadah_is_not_found(world: World) -> None:
    wadah = await world.wadah()
    other = world.tokens.make(Role.WADAH_ADMIN, wadah_id=new_id())

    answers = [
        await world.get(f"wadahs/{wadah['id']}", by=other),
        await world.get(f"wadahs/{wadah['id']}", by=world.outsider),
        await world.post(
            f"wadahs/{wadah['id']}/agreements", agreement("PKS/5", 0, 9), by=world.outsider
        ),
        await world.get(f"wadahs/{new_id()}", by=world.admin),
    ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (404, "wadah_not_found")
    ] * 4


async def test_wadahs_are_listed_page_by_page(world: World) -> None:
    made = [(await world.wadah())["id"] for _ in range(3)]

    first = (await world.get("wadahs", by=world.officer, limit=2, branch_code="BWI")).json()
    rest = (
        await world.get("wadahs", by=world.officer, limit=2, cursor=first["next_cursor"])
    ).json()

    assert [each["id"] for each in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("differences", "pointer"),
    [
        ({"name": "Paguyuban\x00"}, "/name"),
        ({"kind": "shop"}, "/kind"),
        ({"legal_entity": "yes"}, "/legal_entity"),
        ({"branch_code": "x y"}, "/branch_code"),
        ({"branch_code": "NONE"}, "/branch_code"),
        ({"agreement": {"number": "1", "starts_on": 1, "ends_on": "x"}}, "/agreement/starts_on"),
        ({"owner": 1}, "/owner"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    world: World, differences: dict[str, Any], pointer: str
) -> None:
    await world.branch()

    answer = await world.post("wadahs", world.new_wadah(**differences), by=world.admin)

    assert answer.status_code in {404, 422}
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("cursor", ["x", "bm90", "WyJ4Il0=", "W251bGxd", "a" * 401])
async def test_a_made_up_cursor_is_refused(world: World, cursor: str) -> None:
    answer = await world.get("wadahs", by=world.admin, cursor=cursor)

    assert answer.status_code == 422
