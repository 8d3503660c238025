"""What operators see of jobs that failed for good, and do about them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from perisai_kit_tests.jobs.conftest import record

from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.jobs.failures import choose_ids, find_given_up_keys
from perisai_kit.jobs.queue import Payload, count_jobs, enqueue
from perisai_kit.jobs.runner import Handler, JobRunner, Retries
from perisai_kit.testing.plugin import Tokens, Urls, open_app_client

PATH = "/v1/operations/perisai-kit/failed-jobs"
REASON = {"reason": "settled by two officers"}
WAIT_S = 60
SUBJECT = new_id()
ReadEffects = Callable[[], Awaitable[list[str]]]


def test_of_a_payload_only_ids_are_shown() -> None:
    payload: Payload = {
        "transfer_id": str(SUBJECT),
        "name_id": "Siti Aminah",
        "nik_id": 3510012345678901,
        "holder": "Siti Aminah",
        "amount": 975_000,
        "uuid": str(SUBJECT),
    }

    assert choose_ids(payload) == {"transfer_id": SUBJECT}


async def fail(_: Database, payload: Payload) -> None:
    raise ValueError("account 1234567890")


async def run(database: Database, handler: Handler) -> None:
    """Run jobs until none waits."""
    retries = Retries(attempts=2, first_s=0.0, max_s=0.0)
    task = asyncio.create_task(
        JobRunner({"send": handler}, retries=retries, poll_s=0.2).run(database)
    )
    async with asyncio.timeout(WAIT_S):
        while await count(database) & {"queued", "picked"}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def count(database: Database) -> set[str]:
    async with database.read() as session:
        return {status for _, status in await count_jobs(session)}


async def order(database: Database, key: str = "a") -> bool:
    async with database.begin() as session:
        payload: Payload = {"key": key, "transfer_id": str(SUBJECT)}
        return await enqueue(session, "send", payload, dedupe_key=key)


@pytest.fixture
def app(make_kit_app: Callable[..., FastAPI]) -> FastAPI:
    return make_kit_app(jobs=JobRunner({}))


async def list_jobs(client: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(PATH, params=params)).json()["items"]
    return found


async def test_a_failed_job_is_shown_without_its_payload_and_runs_again(
    queue_database: Database, app: FastAPI, tokens: Tokens, read_effects: ReadEffects
) -> None:
    await order(queue_database)
    await run(queue_database, fail)

    async with open_app_client(app, **tokens.make(Role.ADMIN)) as client:
        listed = await client.get(PATH)
        (job,) = listed.json()["items"]
        retried = await client.post(f"{PATH}/{job['id']}/retry")
        again = await client.post(f"{PATH}/{job['id']}/retry")
        left = await list_jobs(client)
    await run(queue_database, record)

    assert (job["status"], job["entrypoint"], job["attempts"]) == ("failed", "send", 2)
    assert (job["error"], job["ids"]) == ("ValueError", {"transfer_id": str(SUBJECT)})
    assert job["closed_at"] is None
    assert "1234567890" not in listed.text
    assert '"key"' not in listed.text
    assert retried.status_code == 204
    assert (again.status_code, again.json()["code"]) == (404, "failed_job_not_found")
    assert left == []
    assert await read_effects() == ["a"]
    assert await count(queue_database) == set()


async def test_a_closing_keeps_who_decided_it_and_why(
    queue_database: Database, kit_urls: Urls, app: FastAPI, tokens: Tokens
) -> None:
    await order(queue_database)
    await run(queue_database, fail)
    admin = new_id()

    async with open_app_client(app, **tokens.make(Role.ADMIN, account_id=admin)) as client:
        (job,) = await list_jobs(client)
        path = f"{PATH}/{job['id']}/closing"
        without = [await client.post(path, json=body) for body in ({}, {"reason": "  "})]
        closed = await client.post(path, json=REASON)
        again = await client.post(path, json=REASON)
        left = await list_jobs(client)
        (kept,) = await list_jobs(client, status="closed")

    assert [answer.status_code for answer in without] == [422, 422]
    assert closed.status_code == 204
    assert (again.status_code, again.json()["code"]) == (404, "failed_job_not_found")
    assert left == []
    assert (kept["closed_by"], kept["closing_reason"]) == (str(admin), REASON["reason"])
    assert (kept["status"], kept["failed_at"]) == ("closed", job["failed_at"])
    owner = await asyncpg.connect(kit_urls.owner)
    stored = await owner.fetchval("SELECT reason FROM job_closings")
    await owner.close()
    assert b"officers" not in stored


async def test_a_closed_job_is_not_taken_and_its_key_stays_given_up(
    queue_database: Database, app: FastAPI, tokens: Tokens, read_effects: ReadEffects
) -> None:
    await order(queue_database)
    await run(queue_database, fail)
    async with open_app_client(app, **tokens.make(Role.ADMIN)) as client:
        (job,) = await list_jobs(client)
        await client.post(f"{PATH}/{job['id']}/closing", json=REASON)

        await order(queue_database, "b")
        await run(queue_database, record)
        async with queue_database.read() as session:
            given_up = await find_given_up_keys(session, ["a", "b"])
        before = await read_effects()
        retried = await client.post(f"{PATH}/{job['id']}/retry")
        await run(queue_database, record)

    assert (before, given_up) == (["b"], {"a"})
    assert retried.status_code == 204
    assert await read_effects() == ["a", "b"]


async def test_a_job_that_was_ordered_anew_can_only_be_closed(
    queue_database: Database, app: FastAPI, tokens: Tokens
) -> None:
    await order(queue_database)
    await run(queue_database, fail)
    assert await order(queue_database)

    async with open_app_client(app, **tokens.make(Role.ADMIN)) as client:
        (job,) = await list_jobs(client)
        refused = await client.post(f"{PATH}/{job['id']}/retry")
        closed = await client.post(f"{PATH}/{job['id']}/closing", json=REASON)

    assert (refused.status_code, refused.json()["code"]) == (409, "failed_job_replaced")
    assert closed.status_code == 204
    assert await count(queue_database) == {"queued", "canceled"}


async def test_failed_jobs_are_listed_page_by_page(
    queue_database: Database, app: FastAPI, tokens: Tokens
) -> None:
    for key in "abcde":
        await order(queue_database, key)
    await run(queue_database, fail)
    ids: list[int] = []
    pages, cursor = 0, None

    async with open_app_client(app, **tokens.make(Role.ADMIN)) as client:
        while cursor is not None or not pages:
            params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(PATH, params=params)).json()
            ids += [row["id"] for row in page["items"]]
            pages, cursor = pages + 1, page["next_cursor"]
        odd = await client.get(PATH, params={"cursor": "x"})

    assert ids == sorted(ids)
    assert (len(ids), pages) == (5, 3)
    assert (odd.status_code, odd.json()["code"]) == (422, "cursor_invalid")


async def test_nobody_else_sees_retries_or_closes_failed_jobs(app: FastAPI, tokens: Tokens) -> None:
    async with open_app_client(app, **tokens.make(Role.FINANCE_OFFICER)) as client:
        answers = [
            await client.get(PATH),
            await client.post(f"{PATH}/1/retry"),
            await client.post(f"{PATH}/1/closing", json=REASON),
        ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


async def test_a_service_without_jobs_has_no_such_list(
    make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    async with open_app_client(make_kit_app(), **tokens.make(Role.ADMIN)) as client:
        answer = await client.get(PATH)

    assert answer.status_code == 404
