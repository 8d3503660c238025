import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from perisai_kit.services.processes import find_head, find_migrations, find_needed
from sandbox.environment import build_environment
from sandbox.errors import SandboxError
from sandbox.services import load_services
from sandbox.vault import Secrets

DATABASE = "postgresql://app@db.invalid/own"


def environment_of(name: str, secrets: Secrets, folder: Path) -> dict[str, str]:
    services = load_services({})
    service = next(each for each in services if each.name == name)
    return build_environment(
        service, services, secrets=secrets, database_url=DATABASE, folder=folder
    )


def test_services_have_the_documented_ports_and_databases() -> None:
    services = load_services({})

    assert {each.name: each.port for each in services} == {
        "gateway": 8000,
        "agent": 8001,
        "member": 8002,
        "payment": 8003,
        "fakebank": 8009,
    }
    assert [each.database for each in services] == ["gateway", "agent", "member", "payment", None]


def test_gateway_stands_first_because_it_stops_first() -> None:
    assert load_services({})[0].name == "gateway"


def test_every_service_has_its_migrations() -> None:
    named = [each for each in load_services({}) if each.database]

    assert [
        each.name for each in named if not (find_migrations(each.name) / "env.py").is_file()
    ] == []


def test_the_newest_migration_is_the_one_that_alembic_finds() -> None:
    folders = [find_migrations(each.name) for each in load_services({}) if each.database]

    assert [find_head(each) for each in folders] == [
        ScriptDirectory(str(each)).get_current_head() for each in folders
    ]


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        (("0001_create.py", "0002_add.py"), "0002"),
        (("0001_create.py", "0002_contract_old.py", "0003_contract_more.py"), "0001"),
        (("0001_create.py", "0002_contract_old.py", "0003_add.py"), "0003"),
    ],
)
def test_a_migration_at_the_end_that_contracts_is_not_needed_to_serve(
    tmp_path: Path, files: tuple[str, ...], needed: str
) -> None:
    (tmp_path / "versions").mkdir()
    for name in files:
        (tmp_path / "versions" / name).touch()

    assert find_needed(tmp_path) == needed


def test_port_comes_from_the_environment() -> None:
    services = load_services({"PERISAI_MEMBER_PORT": "9002"})

    member = next(each for each in services if each.name == "member")

    assert member.url == "http://127.0.0.1:9002"
    assert "9002" in member.arguments
    assert member.arguments[0] == sys.executable


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80 80"])
def test_port_that_is_none_is_said_in_one_line(text: str) -> None:
    with pytest.raises(SandboxError, match=r"^PERISAI_AGENT_PORT is .*, which is no port"):
        load_services({"PERISAI_AGENT_PORT": text})


def test_process_gets_its_own_secrets_and_no_others(tmp_path: Path) -> None:
    secrets = Secrets.make()

    variables = environment_of("member", secrets, tmp_path)

    words = set(variables.values())
    assert variables["PERISAI_MEMBER_DATA_KEYS"] == secrets.services["member"].data_keys
    assert variables["PERISAI_MEMBER_CLIENT_SECRET"] == secrets.services["member"].client_secret
    for name in ("gateway", "agent", "payment"):
        assert not words & set(secrets.services[name].model_dump().values())
    assert "PERISAI_MEMBER_OWNER_DATABASE_URL" not in variables


def test_gateway_knows_how_every_service_signs_in(tmp_path: Path) -> None:
    secrets = Secrets.make()

    variables = environment_of("gateway", secrets, tmp_path)

    assert json.loads(variables["PERISAI_GATEWAY_SERVICE_CLIENTS"]) == {
        f"{name}-service": secrets.services[name].client_secret
        for name in ("agent", "member", "payment")
    }
    assert "PERISAI_GATEWAY_CLIENT_SECRET" not in variables


def test_own_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERISAI_MEMBER_DATABASE_URL", "postgresql://app@mine.invalid/member")

    variables = environment_of("member", Secrets.make(), tmp_path)

    assert variables["PERISAI_MEMBER_DATABASE_URL"] == "postgresql://app@mine.invalid/member"


def test_addresses_follow_the_ports(tmp_path: Path) -> None:
    services = [replace(each, port=each.port + 1000) for each in load_services({})]

    variables = build_environment(
        services[1],
        services,
        secrets=Secrets.make(),
        database_url=DATABASE,
        folder=tmp_path,
    )

    assert (
        variables["PERISAI_GATEWAY_URL"] == variables["PERISAI_ISSUER"] == "http://127.0.0.1:9000"
    )
    assert variables["PERISAI_PAYMENT_URL"] == "http://127.0.0.1:9003"
    assert variables["PERISAI_SANDBOX"] == "1"
