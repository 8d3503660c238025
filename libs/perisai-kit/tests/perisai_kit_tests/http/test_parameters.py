"""Query parameters are known by name, and each comes once."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query

from perisai_kit.http.paging import Cursor, Limit
from perisai_kit.testing.plugin import open_app_client


def things_router() -> APIRouter:
    router = APIRouter(prefix="/v1/things")

    @router.get("")
    async def pages(limit: Limit = 20, cursor: Cursor = None) -> list[str]:
        return [str(limit)]

    @router.post("")
    async def make() -> str:
        return "made"

    @router.get("/tags")
    async def tags(tag: Annotated[list[str], Query()]) -> list[str]:
        return tag

    return router


@pytest.fixture
async def things(make_kit_app: Callable[..., FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with open_app_client(make_kit_app(things_router())) as client:
        yield client


async def test_an_unknown_query_parameter_is_refused_with_the_allowed_ones(
    things: httpx.AsyncClient,
) -> None:
    answer = await things.get("/v1/things?state=grace&limit=5&limit=6")

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "parameter_unknown")
    assert problem["details"] == {"allowed": ["cursor", "limit"]}
    assert problem["errors"] == [
        {
            "code": "parameter_unknown",
            "detail": "is not a parameter here; the parameters are: cursor, limit",
            "parameter": "state",
        },
        {"code": "parameter_repeated", "detail": "is sent more than once", "parameter": "limit"},
    ]


async def test_an_unknown_query_parameter_of_a_post_is_a_parameter_too(
    things: httpx.AsyncClient,
) -> None:
    answer = await things.post("/v1/things?a%2Fb=1", headers={"Accept-Language": "id"})

    assert answer.json()["errors"] == [
        {
            "code": "parameter_unknown",
            "detail": "bukan parameter alamat ini; pilihannya: tidak ada",
            "parameter": "a/b",
        }
    ]


async def test_a_query_parameter_that_comes_twice_is_refused(things: httpx.AsyncClient) -> None:
    answer = await things.get("/v1/things?limit=5&limit=6")

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_repeated")
    assert answer.json()["errors"][0]["parameter"] == "limit"


async def test_a_parameter_of_a_list_may_come_more_than_once(things: httpx.AsyncClient) -> None:
    answer = await things.get("/v1/things/tags?tag=a&tag=b")

    assert (answer.status_code, answer.json()) == (200, ["a", "b"])


async def test_what_is_not_part_of_the_api_takes_any_parameter(things: httpx.AsyncClient) -> None:
    answer = await things.get("/health?probe=1")

    assert answer.status_code == 200
