import re
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from payment_service.clients.banks import BankClients
from payment_service.clients.members import MembersClient
from payment_service.clients.payees import PayeesClient
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from payment_service.worker import periodic
from perisai_kit.db.engine import Database
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.services.app import create_kit
from perisai_kit.testing.plugin import MakeApp, Urls, Wire, open_app_client

NOBODY = "00000000-0000-0000-0000-000000000000"


async def test_the_service_is_ready_with_its_database_migrations_and_keys(
    own_database: Callable[[str], Urls], make_app: MakeApp, wire: Wire
) -> None:
    async with open_app_client(make_app(urls=own_database("payment"), wire=wire)) as client:
        for _ in range(100):  # keys are fetched in the background
            answer = await client.get("/ready/details")
            if all(answer.json().values()):
                break

    assert answer.json() == {"database": True, "migrations": True, "keys": True}


async def test_no_route_of_ours_answers_without_a_token(
    make_app: MakeApp, wire: Wire, client: httpx.AsyncClient
) -> None:
    operations = [
        (method, path)
        for path, item in make_app(wire=wire).openapi()["paths"].items()
        for method in item
    ]

    answered = []
    for method, path in operations:
        answer = await client.request(
            method,
            re.sub(r"\{.*?\}", NOBODY, path),
            json={},
            headers={"Idempotency-Key": "no-token"},
        )
        if answer.status_code != 401:
            answered.append((method, path, answer.status_code))

    assert len(operations) > 12
    assert answered == []


def test_periodic_tasks_have_names_of_their_own(
    settings: Settings, database: Database, wire: Wire
) -> None:
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    members = MembersClient(kit.client(settings.member_url))
    payees = PayeesClient(kit.client(settings.agent_url))
    feed = LocalFeed(database, source="agent-service", signals=Signals())

    tasks = periodic(settings, agents=feed, members=members, payees=payees, clients=BankClients())
    names = [each.name for each in tasks]

    assert {"bills.expire", "ledger.snapshot"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.soak
def test_a_process_that_serves_requests_does_not_load_the_job_queue() -> None:
    script = "import payment_service.app, sys; sys.exit('pgqueuer' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("months", [0, 25])
def test_a_setting_out_of_its_bounds_stops_the_start(
    make_settings: Callable[..., Settings], shared_urls: Urls, months: int
) -> None:
    with pytest.raises(ValueError, match="advance_months"):
        make_settings(
            Settings,
            shared_urls,
            member_url="http://member",
            agent_url="http://agent",
            advance_months=months,
        )
