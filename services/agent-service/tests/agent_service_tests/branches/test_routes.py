from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.auth.principal import Role

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

NEW = {"code": "BWI", "name": "Kantor Cabang Banyuwangi", "region_code": "JATIM"}


async def test_a_new_branch_is_published(world: World, events: Callable[[], Any]) -> None:
    answer = await world.post("branches", NEW, by=world.admin)

    assert answer.status_code == 201
    assert answer.json()["code"] == "BWI"
    assert await events() == [("branch.opened.v1", {"branch_code": "BWI", "region_code": "JATIM"})]


async def test_an_officer_of_the_country_opens_a_branch_and_one_of_a_region_does_not(
    world: World,
) -> None:
    country = world.tokens.make(Role.BRANCH_OFFICER, scope={"kind": "country"})
    region = {"kind": "region", "code": "JATIM"}

    opened = await world.post("branches", NEW, by=country)
    refused = [
        await world.post(
            "branches", {**NEW, "code": "JBR"}, by=world.tokens.make(role, scope=region)
        )
        for role in (Role.BRANCH_OFFICER, Role.ADMIN)
    ]

    assert opened.status_code == 201
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(403, "forbidden")}


async def test_a_code_is_used_once(world: World, events: Callable[[], Any]) -> None:
    await world.post("branches", NEW, by=world.admin)

    again = await world.post("branches", {**NEW, "name": "Another"}, by=world.admin)

    assert (again.status_code, again.json()["code"]) == (409, "branch_exists")
    assert again.json()["errors"][0]["pointer"] == "/code"
    assert len(await events()) == 1


async def test_a_repeated_key_gives_the_first_answer(world: World) -> None:
    first = await world.post("branches", NEW, by=world.admin, key="open-bwi-1")
    second = await world.post("branches", NEW, by=world.admin, key="open-bwi-1")

    assert second.status_code == 201
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_branches_of_one_region_are_listed(world: World) -> None:
    for code, region_code in (("BWI", "JATIM"), ("MKS", "SULSEL"), ("JBR", "JATIM")):
        await world.post(
            "branches", {**NEW, "code": code, "region_code": region_code}, by=world.admin
        )

    listed = (await world.get("branches", by=world.applicant(), region_code="JATIM")).json()
    elsewhere = (await world.get("branches", by=world.applicant(), region_code="NOPE")).json()

    assert [each["code"] for each in listed["items"]] == ["BWI", "JBR"]
    assert elsewhere["items"] == []


async def test_branches_are_listed_by_code_and_page_by_page(world: World) -> None:
    for code in ("C3", "A1", "B2"):
        await world.branch(code)
    applicant = world.applicant()

    first = (await world.get("branches", by=applicant, limit=2)).json()
    rest = (await world.get("branches", by=applicant, limit=2, cursor=first["next_cursor"])).json()

    assert [each["code"] for each in first["items"] + rest["items"]] == ["A1", "B2", "C3"]
    assert rest["next_cursor"] is None


async def test_an_unknown_branch_is_not_found(world: World) -> None:
    answer = await world.get("branches/NONE", by=world.admin)

    assert (answer.status_code, answer.json()["code"]) == (404, "branch_not_found")


async def test_without_a_token_nothing_is_shown(world: World) -> None:
    answer = await world.get("branches", by={})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("differences", "pointer"),
    [
        ({"code": "B\x00I"}, "/code"),
        ({"code": ""}, "/code"),
        ({"code": 5}, "/code"),
        ({"name": "Kantor\x00"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"region_code": None}, "/region_code"),
        ({"colour": "blue"}, "/colour"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    world: World, differences: dict[str, Any], pointer: str
) -> None:
    answer = await world.post("branches", {**NEW, **differences}, by=world.admin)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
