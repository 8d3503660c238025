from collections.abc import Callable

import httpx
from fastapi import FastAPI

from member_service.app import create_app
from member_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import MakeApp, Tokens, Urls

PUBLIC = {"/health", "/ready", "/ready/details", "/metrics", "/openapi.json"}


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path that the app documents."""
    return [
        (method, path) for path, item in app.openapi()["paths"].items() for method in sorted(item)
    ]


async def test_every_route_that_is_not_public_refuses_a_request_without_a_token(
    client: httpx.AsyncClient, make_app: MakeApp, database: Database, wire: Wire
) -> None:
    found = operations(make_app(database=database, wire=wire))

    for method, path in found:
        if path in PUBLIC:
            continue
        url = path.replace("{member_id}", str(new_id())).replace("{batch_id}", str(new_id()))
        answer = await client.request(method, url, headers={"Idempotency-Key": "12345678"})
        assert answer.status_code == 401, (method, path)
    assert len(found) >= 15


async def test_the_app_of_the_factory_is_ready(
    make_settings: Callable[..., Settings], shared_urls: Urls, wire: Wire, tokens: Tokens
) -> None:
    settings = make_settings(
        Settings, shared_urls, agent_url="http://agent", payment_url="http://payment"
    )
    app = create_app(settings, http_transport=wire)

    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        await app.state.kit.authenticator.keys.fetch()
        ready = await client.get("/ready")
        status = await client.get("/v1/status", headers=tokens.service())

    assert ready.json() == {"ready": True}
    assert [each["name"] for each in status.json()["subscriptions"]] == [
        "payments",
        "open_bills.payments",
        "agents",
        "risk_flags.members",
    ]
