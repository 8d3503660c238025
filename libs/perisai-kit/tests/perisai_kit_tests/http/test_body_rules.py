"""Faults of form and of rules in one answer."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import Field, StrictBool

from perisai_kit.domain.errors import DomainError, Invalid
from perisai_kit.http.answers.body_rules import BodyRules, get_body_rules, read_readable
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.problems import install_problems
from perisai_kit.http.types import Code, Day, Model, PersonName


class TooSmall(Invalid):
    code = "too_small"
    text = "Too small."
    text_id = "Terlalu kecil."


class Place(Model):
    village: PersonName
    district: PersonName


class Thing(Model):
    name: PersonName
    born_on: Day | None = None
    place: Place
    other: Place | None = None
    codes: Annotated[list[Code], Field(min_length=1, max_length=3)]
    size: Annotated[int, Field(ge=0, strict=True)] = 7
    is_new: StrictBool = False


GOOD: dict[str, Any] = {
    "name": " Siti  Aminah ",
    "born_on": "1990-03-12",
    "place": {"village": "Lateng", "district": "Banyuwangi"},
    "codes": ["a", "b"],
}


def find(thing: Any, _: Request) -> list[DomainError]:
    found: list[DomainError] = []
    if thing.size is not None and thing.size < 5:
        found.append(TooSmall(field="size"))
    if thing.place is not None and thing.place.district == "Small":
        found.append(TooSmall(field="place.district"))
    found += [
        TooSmall(field=f"codes.{n}") for n, each in enumerate(thing.codes or ()) if each == "x"
    ]
    if thing.name is None:
        found.append(TooSmall(field="name"))
    return found


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    install_problems(app)

    async def add(thing: Annotated[Thing, BodyRules(find)], dry: bool = False) -> str:
        return thing.name

    app.router.add_api_route("/things", add, methods=["POST"], route_class_override=JsonRoute)
    return app


async def refuse(app: FastAPI, body: Any, **more: Any) -> set[tuple[str, str]]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://things"
    ) as client:
        answer = await client.post("/things", json=body, **more)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    return {
        (each["pointer"] if "pointer" in each else each["parameter"], each["code"])
        for each in answer.json()["errors"]
    }


async def test_a_body_of_a_wrong_form_also_names_what_rules_refuse(app: FastAPI) -> None:
    body = {**GOOD, "born_on": 5, "size": 1, "place": {"district": "Small"}, "codes": ["x", 5]}

    assert await refuse(app, body) == {
        ("/born_on", "date"),
        ("/place/village", "missing"),
        ("/codes/1", "string_type"),
        ("/size", "too_small"),
        ("/place/district", "too_small"),
        ("/codes/0", "too_small"),
    }


async def test_a_field_has_one_fault(app: FastAPI) -> None:
    assert await refuse(app, {**GOOD, "name": 5}) == {("/name", "string_type")}
    assert await refuse(app, {**GOOD, "size": -1}) == {("/size", "greater_than_equal")}


@pytest.mark.parametrize("body", [[], "text", None, 5, [GOOD]])
async def test_a_body_that_is_no_object_has_no_fields_to_judge(app: FastAPI, body: Any) -> None:
    assert len(await refuse(app, body)) == 1


async def test_rules_are_asked_beside_a_wrong_parameter(app: FastAPI) -> None:
    found = await refuse(app, {**GOOD, "size": 1}, params={"dry": "maybe"})

    assert found == {("dry", "bool_parsing"), ("/size", "too_small")}


def test_a_body_of_the_right_form_is_read_as_it_is() -> None:
    whole, read = Thing.model_validate(GOOD), read_readable(Thing, GOOD)

    assert read.model_dump() == whole.model_dump()
    assert (read.name, read.born_on) == ("Siti Aminah", date(1990, 3, 12))


@pytest.mark.parametrize(
    ("sent", "field", "value"),
    [
        ({"name": "-"}, "name", None),
        ({"name": None}, "name", None),
        ({"born_on": "1990-02-30"}, "born_on", None),
        ({"size": "7"}, "size", None),
        ({"size": ...}, "size", 7),
        ({"place": 5}, "place", None),
        ({"place": ...}, "place", None),
        ({"codes": []}, "codes", None),
        ({"codes": ["a", "-", "c"]}, "codes", ["a", None, "c"]),
        ({"codes": list("abcd")}, "codes", None),
        ({"unknown": 5}, "size", 7),
    ],
)
def test_a_field_of_a_wrong_form_is_read_as_none_and_the_others_stay(
    sent: dict[str, Any], field: str, value: Any
) -> None:
    body = {name: each for name, each in {**GOOD, **sent}.items() if each is not ...}

    read = read_readable(Thing, body)

    assert getattr(read, field) == value
    assert (read.is_new, read.other) == (False, None)
    if field != "codes":
        assert read.codes == ["a", "b"]


def test_parts_of_an_optional_object_are_read_one_by_one() -> None:
    read = read_readable(Thing, {**GOOD, "other": {"village": "Lateng", "district": 5}})

    assert (read.other.village, read.other.district) == ("Lateng", None)


def test_only_a_marked_body_has_rules() -> None:
    async def plain(thing: Thing) -> None: ...

    async def marked(thing: Annotated[Thing, BodyRules(find)]) -> None: ...

    wanted: Callable[..., Any] = find
    assert get_body_rules(plain) is None
    assert get_body_rules(marked) == (Thing, wanted)
