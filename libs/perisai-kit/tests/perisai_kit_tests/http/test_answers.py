"""Answers on their way out: compressed where it is worth it, and not sent twice."""

import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse, StreamingResponse

from perisai_kit.http.answers.etag import allows, etag
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.testing.plugin import open_app_client

LONG = [{"name": f"Slamet {number}"} for number in range(100)]


class Things:
    """What the routes of these tests answer, and how often they were asked."""

    def __init__(self) -> None:
        self.items: list[Any] = LONG
        self.asked = 0

    async def list(self) -> Any:
        self.asked += 1
        return self.items

    async def get(self, response: Response) -> Any:
        response.headers["ETag"] = etag(3)
        response.headers["Cache-Control"] = "no-store"
        return self.items

    async def overview(self) -> Any:
        self.asked += 1
        made_at = f"2026-11-30T08:00:{self.asked:02}Z"
        return {"as_of": made_at, "items": self.items, "at": made_at}


async def export() -> StreamingResponse:
    async def rows() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number},Slamet\n" * 200

    return StreamingResponse(rows(), media_type="text/csv")


async def batch() -> JSONResponse:
    return JSONResponse(LONG, media_type="application/cloudevents-batch+json")


def router_of(things: Things) -> APIRouter:
    router = APIRouter(prefix="/v1")
    router.get("/things")(things.list)
    router.get("/things/1")(things.get)
    router.get("/overview", dependencies=[made_at("as_of", "at")])(things.overview)
    router.get("/things.csv")(export)
    router.get("/batch")(batch)
    for path in ("/things", "/auth/token", "/bank-partners"):
        router.post(path)(things.list)
    return router


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
async def client(
    make_kit_app: Callable[..., FastAPI], things: Things
) -> AsyncIterator[httpx.AsyncClient]:
    async with open_app_client(make_kit_app(router_of(things))) as client:
        yield client


async def test_a_long_answer_is_compressed_for_who_takes_it(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/v1/things", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    plain = await client.get("/v1/things", headers={"Accept-Encoding": "identity"})

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(raw))
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 4
    assert "content-encoding" not in plain.headers
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=1.000, *;q=0", True),
        ("gzip;q=0", False),
        ("deflate, gzip; q=0.0", False),
        ("identity", False),
        ("", False),
        ("not-gzip", False),
    ],
)
async def test_the_client_says_whether_it_takes_gzip(
    client: httpx.AsyncClient, accepted: str, is_compressed: bool
) -> None:
    answer = await client.get("/v1/things", headers={"Accept-Encoding": accepted})

    assert ("content-encoding" in answer.headers) is is_compressed
    assert answer.json() == LONG


async def test_a_stream_is_compressed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things.csv", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.text.splitlines()) == 600


async def test_a_short_answer_is_not_compressed(client: httpx.AsyncClient, things: Things) -> None:
    things.items = ["x" * 900]

    answer = await client.get("/v1/things", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/auth/token"), ("POST", "/v1/bank-partners"), ("GET", "/v1/batch")],
)
async def test_secrets_and_feeds_are_never_compressed(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert answer.json() == LONG


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("path", ["/v1/things", "/v1/things/1"])
async def test_an_answer_that_the_client_has_is_not_sent_again(
    client: httpx.AsyncClient, path: str, encoding: str
) -> None:
    headers = {"Accept-Encoding": encoding}
    first = await client.get(path, headers=headers)
    tag = first.headers["etag"]
    bare = tag.removeprefix("W/")

    for known in (tag, bare, f"W/{bare}", f'"other", {tag}', f'{bare[:-1]}-gzip"', "*"):
        again = await client.get(path, headers={**headers, "If-None-Match": known})

        assert (again.status_code, again.content) == (304, b""), known
        assert again.headers["etag"].removeprefix("W/") == bare
        assert again.headers["vary"] == "Accept-Encoding"
        assert not {"content-type", "content-length", "content-encoding"} & again.headers.keys()
        assert again.headers.get("cache-control") == first.headers.get("cache-control")


@pytest.mark.parametrize("known", ['"other"', "no tag", '""', 'W/"3"'])
async def test_another_tag_gets_the_answer(client: httpx.AsyncClient, known: str) -> None:
    answer = await client.get("/v1/things/1", headers={"If-None-Match": known})

    assert (answer.status_code, answer.json()) == (200, LONG)


async def test_the_tag_changes_with_what_is_shown_while_the_version_stays(
    client: httpx.AsyncClient, things: Things
) -> None:
    before = (await client.get("/v1/things/1")).headers["etag"]
    things.items = [*LONG, "paid meanwhile"]

    answer = await client.get("/v1/things/1", headers={"If-None-Match": before})

    assert answer.status_code == 200
    assert answer.headers["etag"] != before
    assert [allows(each, 3) for each in (before, answer.headers["etag"])] == [True, True]
    assert not allows(before, 4)


async def test_the_handler_runs_for_an_answer_that_is_not_sent_again(
    client: httpx.AsyncClient, things: Things
) -> None:
    tag = (await client.get("/v1/things")).headers["etag"]

    await client.get("/v1/things", headers={"If-None-Match": tag})

    assert things.asked == 2


async def test_head_says_what_get_would(client: httpx.AsyncClient) -> None:
    whole = await client.get("/v1/things", headers={"Accept-Encoding": "gzip"})
    head = await client.head("/v1/things", headers={"Accept-Encoding": "gzip"})
    known = await client.head("/v1/things", headers={"If-None-Match": whole.headers["etag"]})

    assert head.content == b""
    assert dict(head.headers, **{"x-request-id": ""}) == dict(whole.headers, **{"x-request-id": ""})
    assert known.status_code == 304


async def test_only_an_answer_to_get_is_spared(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/things", headers={"If-None-Match": "*"})

    assert (answer.status_code, "etag" in answer.headers) == (200, False)


async def test_when_an_answer_was_made_is_no_part_of_its_etag(
    client: httpx.AsyncClient, things: Things
) -> None:
    first = await client.get("/v1/overview")
    again = await client.get("/v1/overview", headers={"If-None-Match": first.headers["etag"]})
    things.items = [*LONG, {"name": "Rahma"}]
    changed = await client.get("/v1/overview", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert first.json()["as_of"] != changed.json()["as_of"]
    assert changed.headers["etag"] != first.headers["etag"]
