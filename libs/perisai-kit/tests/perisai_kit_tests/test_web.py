"""Every error is a problem that names the field, in the language asked, and leaks nothing."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import Conflict, TooMany
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.paging import CursorText, PageLimit, decode_cursor
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import Day, LongText, Model, MonthText, PositiveRupiah, ShortText
from perisai_kit.testing.plugin import Databases, Tokens, Urls, open_app_client


class Taken(Conflict):
    code = "test_taken"
    text = "It is taken."
    text_id = "Sudah terpakai."


class Thing(Model):
    name: ShortText
    words: LongText = "x"
    phone: Phone = "+6281234567890"
    month: MonthText | None = None
    amount: PositiveRupiah = 1
    parts: tuple[ShortText, ...] = ()
    day: Day | int | None = None


@pytest.fixture(scope="module")
def kit_urls(databases: Databases, kit_template: Urls) -> Iterator[Urls]:
    """One database for all of these: nothing here writes to it."""
    urls = databases.copy(kit_template.name, "kit")
    yield urls
    databases.drop(urls)


def things_router() -> APIRouter:
    router = APIRouter(route_class=JsonRoute)

    @router.post("/v1/things")
    async def make(thing: Thing) -> Thing:
        if thing.name == "taken":
            raise Taken(field="parts.0")
        if thing.name == "busy":
            raise TooMany(retry_after_s=7)
        if thing.name == "bug":
            raise RuntimeError("3510112509900001 is somebody's number")
        return thing

    @router.get("/v1/things")
    async def pages(
        limit: PageLimit = 20, cursor: Annotated[CursorText | None, Query()] = None
    ) -> list[str]:
        return decode_cursor(cursor, 1) if cursor else [str(limit)]

    @router.get("/v1/secret")
    async def secret(who: Annotated[Principal, Depends(require(Role.ADMIN))]) -> str:
        return str(who.account_id)

    return router


@pytest.fixture
async def things(make_kit_app: Callable[..., FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with open_app_client(make_kit_app(things_router())) as client:
        yield client


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\x00b"),
        ("name", ""),
        ("name", "x" * 101),
        ("name", 5),
        ("amount", 2**63),
        ("amount", 10**400),
        ("amount", 1.5),
        ("amount", "1"),
        ("amount", 0),
        ("amount", True),
        ("month", "2026-13"),
        ("month", 202611),
        ("phone", "not a phone"),
        ("phone", {"a": 1}),
        ("parts", ["ok", "\x00"]),
    ],
)
async def test_a_bad_value_is_refused_by_the_name_of_its_field(
    things: httpx.AsyncClient, field: str, value: object
) -> None:
    answer = await things.post("/v1/things", json={"name": "good", field: value})

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 422:
        assert answer.json()["errors"][0]["pointer"].startswith(f"/{field}")


async def test_what_fits_no_branch_of_a_union_is_named_once(things: httpx.AsyncClient) -> None:
    answer = await things.post("/v1/things", json={"name": "good", "day": "tomorrow"})

    assert [each["pointer"] for each in answer.json()["errors"]] == ["/day"]


async def test_a_missing_field_is_named(things: httpx.AsyncClient) -> None:
    answer = await things.post("/v1/things", json={})

    assert [each["pointer"] for each in answer.json()["errors"]] == ["/name"]


async def test_an_unknown_field_is_refused_by_name(things: httpx.AsyncClient) -> None:
    answer = await things.post("/v1/things", json={"name": "good", "a/b": 1})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/a~1b",
            "code": "extra_forbidden",
            "detail": "is not a field here; remove it",
        }
    ]


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000, b"1" * 5000, b'{"name": NaN}', b""],
)
async def test_a_body_that_cannot_be_read_is_a_problem(
    things: httpx.AsyncClient, body: bytes
) -> None:
    answer = await things.post(
        "/v1/things", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_huge_body_is_refused_with_and_without_a_length(
    things: httpx.AsyncClient,
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    said = await things.post("/v1/things", content=b"x" * 2_000_000)
    unsaid = await things.post(
        "/v1/things", content=endless(), headers={"content-type": "application/json"}
    )

    assert said.status_code == 413
    assert unsaid.status_code == 413


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("id", "id"),
        ("id-ID", "id"),
        ("id_ID", "id"),
        ("id ;q=0.8,en;q=0.7", "id"),
        ("in", "id"),
        ("in-ID", "id"),
        ("IN_id", "id"),
        ("ind", "id"),
        ("jv-ID", "id"),
        ("in-ID, en;q=0.8", "id"),
        ("en;q=0.5, in;q=0.7", "id"),
        ("en; Q=0.5 , in", "id"),
        ("fr, in;q=0.3", "id"),
        ("en-GB, in;q=0.9", "en"),
        ("in;q=0.5, en;q=0.7", "en"),
        ("en, id", "en"),
        ("id;q=0", "en"),
        ("id;q=nan", "en"),
        ("id;q=x", "en"),
        ("fr-FR, de", "en"),
        ("*", "en"),
        ("", "en"),
        ("id\u0131", "en"),
        ("-id", "en"),
        ("indonesia", "en"),
        (",;=,,q=1", "en"),
        ("en-" + "x" * 300 + ", id", "en"),
    ],
)
async def test_words_are_in_the_language_that_is_asked_for(
    things: httpx.AsyncClient, accepted: str, language: str
) -> None:
    answer = await things.post(
        "/v1/things",
        json={"name": "taken"},
        headers=[(b"Accept-Language", accepted.encode("utf-8"))],
    )

    assert answer.json()["title"] == {"en": "It is taken.", "id": "Sudah terpakai."}[language]


async def test_a_domain_error_says_code_field_and_language(things: httpx.AsyncClient) -> None:
    answer = await things.post(
        "/v1/things",
        json={"name": "taken"},
        headers={"Accept-Language": "en;q=0.5, id-ID;q=0.9", "X-Request-Id": "request-0001"},
    )

    assert answer.status_code == 409
    assert answer.json() == {
        "type": "urn:perisai:problem:test_taken",
        "title": "Sudah terpakai.",
        "status": 409,
        "code": "test_taken",
        "request_id": "request-0001",
        "errors": [{"pointer": "/parts/0", "code": "test_taken", "detail": "Sudah terpakai."}],
    }


async def test_a_busy_answer_says_when_to_come_back(things: httpx.AsyncClient) -> None:
    answer = await things.post("/v1/things", json={"name": "busy"})

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"


async def test_a_bug_is_answered_without_its_words_and_logged_without_them(
    make_kit_app: Callable[..., FastAPI], capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_kit_app(things_router())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/v1/things", json={"name": "bug"})
    printed = capsys.readouterr()

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert answer.headers["connection"] == "close"
    assert "somebody" not in answer.text
    assert "somebody" not in printed.err + printed.out


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_address_is_a_problem(things: httpx.AsyncClient, method: str) -> None:
    answer = await things.request(method, "/v1/nowhere")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


async def test_a_wrong_method_is_a_problem(things: httpx.AsyncClient) -> None:
    answer = await things.delete("/v1/things")

    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("cursor", ["x", "WzFd", "bm90IGpzb24=", "eyJhIjoxfQ=="])
async def test_a_made_up_cursor_never_breaks(things: httpx.AsyncClient, cursor: str) -> None:
    answer = await things.get("/v1/things", params={"cursor": cursor})

    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert answer.json()["errors"][0]["parameter"] == "cursor"


async def test_a_bad_query_parameter_is_named(things: httpx.AsyncClient) -> None:
    answer = await things.get("/v1/things", params={"limit": "many"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("sent_as", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_said_to_be_json_is_refused(
    things: httpx.AsyncClient, sent_as: str
) -> None:
    answer = await things.post("/v1/things", content=b"{}", headers={"Content-Type": sent_as})

    assert (answer.status_code, answer.json()["code"]) == (415, "media_unsupported")
    assert answer.headers["accept"] == "application/json"


async def test_nobody_without_a_token_and_no_other_role_gets_in(
    things: httpx.AsyncClient, tokens: Tokens
) -> None:
    missing = await things.get("/v1/secret")
    garbage = await things.get("/v1/secret", headers={"Authorization": "Bearer a.b.c"})
    other = await things.get("/v1/secret", headers=tokens.make(Role.AGENT))
    right = await things.get("/v1/secret", headers=tokens.make(Role.ADMIN))

    assert missing.status_code == 401
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="perisai"'
    assert garbage.headers["WWW-Authenticate"] == 'Bearer realm="perisai", error="invalid_token"'
    assert garbage.json()["code"] == "token_invalid"
    assert other.status_code == 403
    assert right.status_code == 200


async def test_the_service_says_that_it_is_ready(things: httpx.AsyncClient, tokens: Tokens) -> None:
    await things.get("/v1/secret", headers=tokens.make(Role.ADMIN))

    ready = await things.get("/ready")
    details = await things.get("/ready/details")
    health = await things.get("/health")
    metrics = await things.get("/metrics")
    nobody = await things.get("/v1/status")
    status = await things.get("/v1/status", headers=tokens.make(Role.AGENT))

    assert (ready.status_code, ready.json()) == (200, {"ready": True})
    assert details.json() == {"database": True, "migrations": True, "keys": True}
    assert health.status_code == 200
    assert nobody.status_code == 401
    assert 'http_requests_total{method="GET",route="/v1/secret"' in metrics.text
    assert status.json()["service"] == "perisai-kit"
    assert [each["default_rows"] for each in status.json()["partitions"]] == [0, 0]


async def test_head_is_get_without_the_body(things: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.make(Role.ADMIN)

    whole = await things.get("/v1/secret", headers=headers)
    head = await things.head("/v1/secret", headers=headers)

    assert head.status_code == whole.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"]


async def test_a_slash_at_the_end_is_another_address(
    things: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await things.get("/v1/secret/", headers=tokens.make(Role.ADMIN))

    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_compressed_body_is_refused(things: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await things.post(
        "/v1/secret",
        content=b"\x1f\x8b",
        headers={"Content-Encoding": "GZIP", **tokens.make(Role.ADMIN)},
    )

    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_request_id_that_is_not_one_is_replaced(things: httpx.AsyncClient) -> None:
    answer = await things.get("/health", headers={"X-Request-Id": "a b\tc"})

    assert len(answer.headers["X-Request-Id"]) == 36


@pytest.mark.parametrize(
    ("version", "is_ready"), [("0008", False), ("0009", True), ("0010", True), ("9999", True)]
)
async def test_a_service_is_ready_when_its_database_is_expanded_or_newer(
    databases: Databases,
    kit_template: Urls,
    make_kit_app: Callable[..., FastAPI],
    version: str,
    is_ready: bool,
) -> None:
    urls = databases.copy(kit_template.name, "kit")
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("UPDATE alembic_version SET version_num = $1", version)
    await owner.close()

    async with open_app_client(make_kit_app(urls=urls)) as client:
        details = await client.get("/ready/details")

    assert details.json()["migrations"] is is_ready
    databases.drop(urls)
