from collections.abc import Callable
from datetime import timedelta

import asyncpg
import httpx
import pytest

from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import MakeApp, Tokens, Urls, Wire, open_app_client

OPEN_TRANSACTIONS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND xact_start IS NOT NULL"
    " AND application_name = 'perisai'"
)


class Watching(httpx.AsyncBaseTransport):
    """A fake service that counts our open transactions during a call.

    Its connection has another application name, so it counts no other watcher.
    """

    def __init__(self, urls: Urls, answer: dict[str, object]) -> None:
        self.urls = urls
        self.answer = answer
        self.open: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection = await asyncpg.connect(self.urls.app)
        self.open.append(await connection.fetchval(OPEN_TRANSACTIONS))
        await connection.close()
        return httpx.Response(200, json=self.answer)


async def make_application(
    client: httpx.AsyncClient, admin: dict[str, str], applicant: dict[str, str]
) -> str:
    """Make a branch, a wadah and an application; return its id."""
    today = clock.today()
    branch = {"code": "BWI", "name": "Banyuwangi", "region_code": "JATIM"}
    await client.post("/v1/branches", json=branch, headers=admin)
    last = today + timedelta(days=9)
    wadah = {
        "name": "Paguyuban",
        "kind": "association",
        "legal_entity": False,
        "branch_code": "BWI",
        "agreement": {
            "number": "1",
            "starts_on": today.isoformat(),
            "ends_on": last.isoformat(),
        },
    }
    made = (await client.post("/v1/wadahs", json=wadah, headers=admin)).json()
    body = {
        "wadah_id": made["id"],
        "nik": "3510111203900001",
        "full_name": "Siti Aminah",
        "citizenship": "wni",
        "bank_code": "009",
        "account_no": "1234567890",
        "account_holder_name": "Siti Aminah",
        "device_description": "Android 14",
        "not_bpjs_employee": True,
    }
    headers = {**applicant, "Idempotency-Key": "apply-once-1"}
    answer = await client.post("/v1/applications", json=body, headers=headers)
    return str(answer.json()["id"])


@pytest.mark.race
async def test_other_services_are_called_outside_any_transaction(
    own_database: Callable[[str], Urls], make_app: MakeApp, wire: Wire, tokens: Tokens
) -> None:
    urls = own_database("agent")
    member_id = new_id()
    found = {"found": True, "member_id": str(member_id), "same_name": True}
    member = Watching(urls, found)
    payment = Watching(urls, {"designated": True, "outcome": "match"})
    wire.mount("member", member)
    wire.mount("payment", payment)
    applicant = tokens.make(amr=("otp",), device_id="device-1", member_id=member_id)

    async with open_app_client(make_app(urls=urls, wire=wire)) as client:
        application_id = await make_application(client, tokens.make(Role.ADMIN), applicant)
        path = f"/v1/applications/{application_id}/verification"
        answer = await client.post(path, headers=applicant)

    assert answer.json()["status"] == "verified"
    assert member.open == payment.open == [0]
