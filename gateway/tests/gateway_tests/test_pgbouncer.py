"""The whole gateway with PgBouncer in transaction mode between it and PostgreSQL."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from gateway.app import create_app
from gateway.create_admin import create_admin
from gateway.edge.limits import RateClass
from gateway.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.outbox import publish
from perisai_kit.testing.plugin import Urls, Wire
from perisai_kit.testing.server import open_served_client

PASSWORD = "correct horse battery staple"
MANY = 20


async def test_sign_ins_lists_and_the_worker_work_over_a_pool(
    fresh_urls: Urls,
    pgbouncer: Any,
    gateway_settings: Callable[..., Settings],
    network: Wire,
) -> None:
    pool_url = pgbouncer.pooled(fresh_urls.app)
    settings = gateway_settings(
        replace(fresh_urls, app=pool_url),
        database_pooled=True,
        direct_database_url=fresh_urls.app,
        run_worker=True,
        rate_limits=dict.fromkeys(RateClass, 1_000_000),
    )
    app = create_app(settings, http_transport=network)
    database: Database = app.state.kit.database
    async with open_served_client(app) as client:
        await create_admin(database, username="admin", password=PASSWORD, cost=settings.hash_cost)
        grant = {"grant_type": "password", "username": "admin", "password": PASSWORD}

        answers = [await client.post("/v1/auth/token", json=grant) for _ in range(3)]
        tokens = [answer.json()["access_token"] for answer in answers]
        headers = {"Authorization": f"Bearer {tokens[-1]}"}
        lists = await asyncio.gather(
            *(client.get("/v1/accounts", headers=headers) for _ in range(MANY)),
            *(client.get("/ready") for _ in range(MANY)),
        )
        async with database.begin() as session:
            await publish(session, BranchOpened(branch_code="BWI", region_code="JTM"))
        async with asyncio.timeout(60):
            while await count_numbered(database) != 1:  # noqa: ASYNC110 - the effect is a row
                await asyncio.sleep(0.1)

    assert {answer.status_code for answer in (*answers, *lists)} == {200}


async def count_numbered(database: Database) -> int:
    """Count this test's events that the sequencer has numbered."""
    asked = "SELECT count(*) FROM event_positions WHERE type = 'branch.opened.v1'"
    async with database.read() as session:
        return int(await session.scalar(text(asked)) or 0)
