"""docker-compose.yml and .env.example say what sandbox/services.toml says."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.processes import GROUP
from perisai_kit.services.serve import GRACEFUL_S
from sandbox import treasury
from sandbox.environment import build_environment
from sandbox.postgres import PRODUCTION, SETTINGS
from sandbox.services import Service, load_services
from sandbox.vault import Secrets

ROOT = Path(__file__).parents[2]
SERVICES = load_services({})
PLATFORM = [each for each in SERVICES if not each.sandbox]
SUBNET = "172.30.53.0/24"
IN_SANDBOX_ONLY = {"PERISAI_FAKEBANK_URL", "PYTHONUNBUFFERED"}
"""What the sandbox tells every process and no container needs: the Dockerfile says the last."""
OPERATORS = {
    "gateway": {
        *(f"PERISAI_GATEWAY_OTP_SENDER_{n}" for n in ("URL", "SECRET")),
        *(
            f"PERISAI_GATEWAY_SMTP_{n}"
            for n in ("HOST", "PORT", "SECURITY", "USERNAME", "PASSWORD")
        ),
        *(f"PERISAI_GATEWAY_NOTICE_QUIET_{n}" for n in ("FROM", "UNTIL")),
        *(f"PERISAI_GATEWAY_{n}" for n in ("EMAIL_FROM", "TRUSTED_PROXIES", "CORS_ORIGINS")),
    },
    "payment": {"PERISAI_PAYMENT_TRUSTED_PROXIES", "PERISAI_PAYMENT_DESIGNATED_BANKS"},
}
"""What is for an operator to say, where the sandbox does with the default."""


@cache
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def entry(name: str) -> Any:
    return compose()["services"][name]


def package(service: Service) -> str:
    """Return the package that the command starts: `gateway` of `gateway.app:create_app`."""
    (found,) = entry_points(group=GROUP, name=service.name)
    return found.value.partition(".")[0]


NOT_SERVING = {"postgres", "migrate", "contract", "partitions"}


def variables(text: str, kind: str) -> set[str]:
    """Return the names that Compose puts in; kind: `:?` for required, `:-` for optional."""
    return set(re.findall(r"\$\{(\w+)" + re.escape(kind), text))


def example(pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_process_is_a_container_and_the_platforms_have_a_worker_beside_them() -> None:
    workers = {f"{each.name}-worker" for each in PLATFORM}

    assert set(compose()["services"]) == (
        {each.name for each in SERVICES} | workers | NOT_SERVING | {"seed"}
    )


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_container_runs_the_very_command_on_all_its_addresses(service: Service) -> None:
    started = ["perisai-serve", *service.arguments[3:]]  # behind `python -m module`
    wanted = ["0.0.0.0" if word == "127.0.0.1" else word for word in started]

    assert entry(service.name)["command"] == wanted
    assert entry_points(group=GROUP, name=wanted[1])


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_container_is_healthy_when_its_process_is_ready(service: Service) -> None:
    check = entry(service.name)["healthcheck"]["test"]

    assert f"urlopen('http://127.0.0.1:{service.port}{service.ready}'" in check[-1]


@pytest.mark.parametrize("service", PLATFORM, ids=lambda each: each.name)
def test_a_worker_is_a_container_with_the_same_variables(service: Service) -> None:
    worker = entry(f"{service.name}-worker")

    assert worker["command"] == ["perisai-serve", service.name, "--worker"]
    assert [each.value for each in entry_points(group=GROUP, name=f"{service.name}-worker")] == [
        f"{package(service)}.worker:create_worker"
    ]
    assert worker["environment"] == entry(service.name)["environment"]
    assert worker["environment"]["RUN_WORKER"] == "0"


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_a_process_gets_the_variables_of_the_sandbox(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in os.environ if each.startswith("PERISAI_")]:
        monkeypatch.delenv(name)
    sandboxed = build_environment(
        service,
        SERVICES,
        secrets=Secrets.make(),
        database_url="x" if service.database else None,
        folder=tmp_path,
    )
    wanted = {name for name in sandboxed.keys() - os.environ.keys() if name not in IN_SANDBOX_ONLY}

    environment = entry(service.name)["environment"]

    assert set(environment) == (wanted | {"RUN_WORKER"} | OPERATORS.get(service.name, set()))
    for each in PLATFORM:
        assert environment[f"{each.prefix}URL"] == f"http://{each.name}:{each.port}"


@pytest.mark.parametrize("service", PLATFORM, ids=lambda each: each.name)
def test_process_has_its_database_and_no_secret_of_another(service: Service) -> None:
    environment = dict(entry(service.name)["environment"])
    clients = environment.pop("PERISAI_GATEWAY_SERVICE_CLIENTS", "")
    url = environment.pop(f"{service.prefix}DATABASE_URL")
    secrets = variables(" ".join(environment.values()), ":?") - {"PERISAI_ISSUER"}

    name = service.database
    password = f"${{{service.prefix}APP_PASSWORD:?}}"
    assert url == f"postgresql://{name}_app:{password}@postgres:5432/{name}"
    assert {name for name in secrets if not name.startswith(service.prefix)} == set()
    if clients:
        assert dict(re.findall(r'"([a-z-]+)":\s*"\$\{(\w+):\?\}"', clients)) == {
            each.client: f"{each.prefix}CLIENT_SECRET" for each in PLATFORM if each.client
        }


def test_migrations_run_for_every_database_as_its_owner_before_anything_serves() -> None:
    migrate = entry("migrate")

    names = [each.name for each in PLATFORM]
    assert migrate["command"] == ["perisai-migrate", "--expand-only", *names]
    assert migrate["environment"] == {
        f"{each.prefix}OWNER_DATABASE_URL": (
            f"postgresql://{each.database}_owner:${{{each.prefix}OWNER_PASSWORD:?}}"
            f"@postgres:5432/{each.database}"
        )
        for each in PLATFORM
    }
    for each in PLATFORM:
        for name in (each.name, f"{each.name}-worker"):
            after = entry(name)["depends_on"]["migrate"]
            assert after == {"condition": "service_completed_successfully"}


def test_what_older_versions_used_is_dropped_when_all_processes_are_of_this_one() -> None:
    migrate, contract = entry("migrate"), entry("contract")

    assert contract["command"] == [each for each in migrate["command"] if each != "--expand-only"]
    assert contract["environment"] == migrate["environment"]
    assert contract["depends_on"] == {
        **{each.name: {"condition": "service_healthy"} for each in PLATFORM},
        **{f"{each.name}-worker": {"condition": "service_started"} for each in PLATFORM},
    }


def test_partitions_are_made_every_hour_by_the_roles_that_migrate() -> None:
    migrate, partitions = entry("migrate"), entry("partitions")

    command, _, *names = migrate["command"]
    assert partitions["command"] == [command, "--only-partitions", "--every", "3600", *names]
    assert partitions["environment"] == migrate["environment"]
    assert partitions["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_databases_are_made_as_the_sandbox_makes_them() -> None:
    made = entry("postgres")["environment"]["PERISAI_DATABASES"]

    assert made.split() == [each.database for each in PLATFORM]
    assert os.access(ROOT / "deploy" / "postgres-init.sh", os.X_OK)
    server, *options = entry("postgres")["command"]
    given = dict(each.removeprefix("--").split("=") for each in options)
    assert server == "postgres"
    settings = {**SETTINGS, **PRODUCTION}
    assert given == {name: settings[name] for name in given}
    assert {"log_error_verbosity", "max_connections", *PRODUCTION} <= set(given)


def test_only_the_gateway_is_published_and_the_fake_bank_in_the_sandbox_only() -> None:
    ports = {name: each["ports"] for name, each in compose()["services"].items() if "ports" in each}
    profiled = {name for name, each in compose()["services"].items() if "profiles" in each}

    assert ports == {
        "gateway": ["${PERISAI_GATEWAY_LISTEN:-127.0.0.1:8000}:8000"],
        "fakebank": ["${PERISAI_FAKEBANK_LISTEN:-127.0.0.1:8009}:8009"],
    }
    assert profiled == {"fakebank", "seed"}


def test_a_sandbox_is_only_what_is_said_to_be_one() -> None:
    switches = {
        name: each["environment"]["PERISAI_SANDBOX"]
        for name, each in compose()["services"].items()
        if "PERISAI_SANDBOX" in each.get("environment", {})
    }

    assert set(switches.values()) == {"${PERISAI_SANDBOX:-0}"}
    assert set(switches) == set(compose()["services"]) - NOT_SERVING


def test_payment_service_believes_the_network_that_the_containers_share() -> None:
    environment = entry("payment")["environment"]

    assert environment["PERISAI_PAYMENT_TRUSTED_PROXIES"] == SUBNET
    assert compose()["networks"]["inside"]["ipam"]["config"] == [{"subnet": SUBNET}]
    assert {tuple(each["networks"]) for each in compose()["services"].values()} == {("inside",)}


def test_containers_have_time_to_end_what_is_under_way() -> None:
    for service in SERVICES:
        assert int(entry(service.name)["stop_grace_period"].removesuffix("s")) > GRACEFUL_S


def test_containers_start_again_but_those_that_run_once() -> None:
    policies = {name: each["restart"] for name, each in compose()["services"].items()}

    assert {name for name, policy in policies.items() if policy == "no"} == {
        "migrate",
        "contract",
        "seed",
    }
    assert set(policies.values()) == {"no", "unless-stopped"}


def test_env_example_names_exactly_what_compose_asks_for() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    required, optional = variables(text, ":?"), variables(text, ":-")

    assert len(required) >= 15
    assert example(r"^(\w+)=$") == required
    assert example(r"^#(\w+)=") - {"COMPOSE_PROFILES"} == optional - required
    assert example(r"^(\w+)=.+$") == set()


@pytest.fixture
def env_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".env"
    assert make_env("--sandbox", path).returncode == 0
    yield path
    path.unlink()


def make_env(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy" / "make_env.py", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def read_env(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE))


def test_made_env_has_every_required_variable_and_secrets_nobody_else_has(
    env_file: Path, tmp_path: Path
) -> None:
    required = variables((ROOT / "docker-compose.yml").read_text(), ":?")

    assert make_env(tmp_path / "second.env").returncode == 0
    made, second = read_env(env_file), read_env(tmp_path / "second.env")

    assert set(second) == required
    assert set(made) == required | treasury.VARIABLES.keys() | {
        "COMPOSE_PROFILES",
        "PERISAI_SANDBOX",
        "PERISAI_CLOCK_FILE",
    }
    assert treasury.VARIABLES.items() <= made.items()
    secrets = [value for name, value in [*made.items(), *second.items()] if name in required]
    assert len(set(secrets)) == 2 * len(required) - 1  # both have the same issuer
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600


def test_made_keys_open_a_key_ring(env_file: Path) -> None:
    made = read_env(env_file)

    for each in PLATFORM:
        keyring = Keyring.parse(made[f"{each.prefix}DATA_KEYS"], made[f"{each.prefix}LOOKUP_KEY"])
        assert keyring.decrypt(keyring.encrypt(b"x", "c"), "c") == b"x"


def test_an_env_that_exists_is_never_touched(env_file: Path) -> None:
    before = env_file.read_text()

    done = make_env(env_file)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert env_file.read_text() == before


def compose_command() -> list[str]:
    """Return how Compose is called here, with `config`; skips the test where there is none."""
    for words in (["docker", "compose"], ["docker-compose"]):
        asked = [*words, "version"]
        if shutil.which(words[0]) and not subprocess.run(asked, capture_output=True).returncode:
            return words
    pytest.skip("there is no Compose on this machine")


def ask_compose(env_file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PERISAI_")}
    return subprocess.run(
        [*compose_command(), "--env-file", str(env_file), *words],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


def test_compose_accepts_the_file_with_a_made_env(env_file: Path) -> None:
    done = ask_compose(env_file, "--profile", "sandbox", "config", "--quiet")

    assert done.stderr == ""
    assert done.returncode == 0


def test_compose_refuses_and_names_a_secret_that_is_missing(env_file: Path) -> None:
    text = env_file.read_text()
    env_file.write_text(re.sub(r"^PERISAI_MEMBER_LOOKUP_KEY=.*$", "", text, flags=re.MULTILINE))

    done = ask_compose(env_file, "config", "--quiet")

    assert done.returncode != 0
    assert "PERISAI_MEMBER_LOOKUP_KEY" in done.stderr
