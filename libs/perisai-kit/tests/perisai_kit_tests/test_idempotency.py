"""One request, one transaction; a repeat with its key gets the first answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy import text

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Conflict
from perisai_kit.http.dependencies import Session
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import Model, ShortText
from perisai_kit.testing.plugin import Tokens, Urls, open_app_client

KEY = "key-00000001"


class Note(Model):
    words: ShortText


class Refused(Conflict):
    code = "test_refused"
    text = "No."
    text_id = "Tidak."


def notes_router() -> APIRouter:
    router = APIRouter(route_class=TransactionRoute)

    @router.post("/v1/notes", status_code=201, openapi_extra=IDEMPOTENT)
    async def write(
        note: Note,
        session: Session,
        _: Annotated[Principal, Depends(require())],
        a: int = 0,
        b: int = 0,
    ) -> dict[str, int]:
        if note.words == "slow":
            await asyncio.sleep(0.3)
        await session.execute(
            text("INSERT INTO subscriptions (name, position, updated_at) VALUES (:w, 1, now())"),
            {"w": note.words},
        )
        if note.words == "refuse":
            raise Refused
        return {"count": await count(session)}

    return router


async def count(session: Session) -> int:
    return int(await session.scalar(text("SELECT count(*) FROM subscriptions")) or 0)


@pytest.fixture
async def notes(make_kit_app: Callable[..., FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with open_app_client(make_kit_app(notes_router())) as client:
        yield client


@pytest.fixture
def headers(tokens: Tokens) -> dict[str, str]:
    return {**tokens.make(Role.AGENT), "Idempotency-Key": KEY}


async def stored(database: Database) -> int:
    async with database.read() as session:
        return await count(session)


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_database: Database
) -> None:
    first = await notes.post("/v1/notes", json={"words": "one"}, headers=headers)
    second = await notes.post("/v1/notes", json={"words": "one"}, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert await stored(kit_database) == 1


async def test_another_body_under_the_same_key_is_refused(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_database: Database
) -> None:
    await notes.post("/v1/notes", json={"words": "one"}, headers=headers)
    other = await notes.post("/v1/notes", json={"words": "two"}, headers=headers)

    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"
    assert await stored(kit_database) == 1


async def test_the_same_key_of_another_account_is_another_key(
    notes: httpx.AsyncClient, tokens: Tokens, headers: dict[str, str], kit_database: Database
) -> None:
    theirs = {**tokens.make(Role.AGENT), "Idempotency-Key": KEY}

    await notes.post("/v1/notes", json={"words": "one"}, headers=headers)
    other = await notes.post("/v1/notes", json={"words": "two"}, headers=theirs)

    assert other.status_code == 201
    assert await stored(kit_database) == 2


async def test_the_key_is_required_where_money_or_members_are_made(
    notes: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await notes.post("/v1/notes", json={"words": "one"}, headers=tokens.make(Role.AGENT))

    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_required"
    assert [each["parameter"] for each in answer.json()["errors"]] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    "keys",
    [
        ("short",),
        ("with space in it",),
        ("x" * 129,),
        ("dot;dot;dot",),
        (KEY, "key-00000002"),
    ],
)
async def test_a_malformed_key_is_refused_and_so_are_two(
    notes: httpx.AsyncClient, tokens: Tokens, keys: tuple[str, ...]
) -> None:
    answer = await notes.post(
        "/v1/notes",
        json={"words": "one"},
        headers=[
            *tokens.make(Role.AGENT).items(),
            *(("Idempotency-Key", key) for key in keys),
        ],
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_invalid"
    assert [each["parameter"] for each in answer.json()["errors"]] == ["Idempotency-Key"]


async def test_a_refusal_rolls_back_and_frees_the_key(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_database: Database
) -> None:
    refused = await notes.post("/v1/notes", json={"words": "refuse"}, headers=headers)
    corrected = await notes.post("/v1/notes", json={"words": "good"}, headers=headers)

    assert refused.status_code == 409
    assert corrected.status_code == 201
    assert await stored(kit_database) == 1


async def test_a_duplicate_that_arrives_while_the_first_runs_gets_409(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_database: Database
) -> None:
    answers = await asyncio.gather(
        *(notes.post("/v1/notes", json={"words": "slow"}, headers=headers) for _ in range(5))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert await stored(kit_database) == 1


async def test_the_kept_answer_is_encrypted(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_database: Database
) -> None:
    await notes.post("/v1/notes", json={"words": "one"}, headers=headers)

    async with kit_database.read() as session:
        body = await session.scalar(text("SELECT body FROM idempotency_keys"))

    assert isinstance(body, bytes)
    assert b"count" not in body


async def test_a_key_is_free_again_after_a_day(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_urls: Urls
) -> None:
    await notes.post("/v1/notes", json={"words": "one"}, headers=headers)
    owner = await asyncpg.connect(kit_urls.owner)
    await owner.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    await owner.close()

    again = await notes.post("/v1/notes", json={"words": "two"}, headers=headers)
    repeat = await notes.post("/v1/notes", json={"words": "two"}, headers=headers)

    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    assert repeat.headers["Idempotency-Replayed"] == "true"


async def test_the_order_of_query_parameters_does_not_matter(
    notes: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    note = {"words": "one"}
    await notes.post("/v1/notes?a=1&b=2", json=note, headers=headers)

    turned = await notes.post("/v1/notes?b=2&a=1", json=note, headers=headers)
    other = await notes.post("/v1/notes?b=1&a=2", json=note, headers=headers)

    assert turned.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"


async def test_an_unreadable_body_is_refused_and_frees_the_key(
    notes: httpx.AsyncClient, headers: dict[str, str], kit_database: Database
) -> None:
    sent = {**headers, "Content-Type": "application/json"}
    refused = await notes.post("/v1/notes", content=b'{"words": 1, "words": 2}', headers=sent)
    corrected = await notes.post("/v1/notes", json={"words": "one"}, headers=headers)

    assert refused.json()["code"] == "body_unreadable"
    assert corrected.status_code == 201
    assert await stored(kit_database) == 1


async def test_on_a_route_for_anybody_the_key_is_ignored_and_nothing_is_kept(
    make_kit_app: Callable[..., FastAPI], kit_database: Database
) -> None:
    router = APIRouter(route_class=TransactionRoute)

    @router.post("/v1/open-notes", status_code=201)
    async def write(note: Note, session: Session) -> str:
        return note.words

    async with open_app_client(make_kit_app(router)) as client:
        answers = [
            await client.post(
                "/v1/open-notes", json={"words": words}, headers={"Idempotency-Key": KEY}
            )
            for words in ("one", "two")
        ]

    assert [each.json() for each in answers] == ["one", "two"]
    async with kit_database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM idempotency_keys")) == 0


def test_a_route_that_needs_a_key_needs_an_account() -> None:
    router = APIRouter(route_class=TransactionRoute)

    with pytest.raises(RuntimeError, match="a key belongs to an account"):

        @router.post("/v1/notes", openapi_extra=IDEMPOTENT)
        async def write(note: Note) -> None: ...
