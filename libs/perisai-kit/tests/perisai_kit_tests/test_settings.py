"""The settings of a process, and how it refuses to start without them."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.settings import Secret, ServiceSettings, SettingsRefused, shared

SECRET = "a-secret-nobody-may-read"


class KitSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PERISAI_KIT_")

    service: str = "kit-service"
    member_url: str = shared("PERISAI_MEMBER_URL")
    clients: dict[str, Secret] = Field(default_factory=dict)


REQUIRED = {
    "PERISAI_KIT_DATABASE_URL": "postgresql://app@db.invalid/kit",
    "PERISAI_KIT_DATA_KEYS": SECRET,
    "PERISAI_KIT_LOOKUP_KEY": SECRET,
    "PERISAI_KIT_CLIENT_SECRET": SECRET,
    "PERISAI_GATEWAY_URL": "http://gateway",
    "PERISAI_ISSUER": "http://gateway",
    "PERISAI_MEMBER_URL": "http://member",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with all required variables, and no other of ours."""
    monkeypatch.delenv("PERISAI_SECRETS_DIR", raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def move_to_files(environment: pytest.MonkeyPatch, folder: Path) -> None:
    """Take every variable out of the environment and mount it as a file."""
    for name, value in REQUIRED.items():
        environment.delenv(name)
        (folder / name.lower()).write_text(f"{value}\n")
    environment.setenv("PERISAI_SECRETS_DIR", str(folder))


def refusal() -> str:
    with pytest.raises(SettingsRefused) as refused:
        KitSettings.from_env()
    return str(refused.value)


def test_variables_may_come_from_files_shared_ones_too(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    move_to_files(environment, tmp_path)

    settings = KitSettings.from_env()

    assert settings.lookup_key.get_secret_value() == SECRET
    assert settings.member_url == "http://member"


def test_the_environment_wins_over_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    move_to_files(environment, tmp_path)
    environment.setenv("PERISAI_MEMBER_URL", "http://another")

    assert KitSettings.from_env().member_url == "http://another"


def test_a_file_that_is_a_link_inside_of_the_folder_is_read(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As Kubernetes mounts them, to be able to change all files at once."""
    (tmp_path / "..data").mkdir()
    move_to_files(environment, tmp_path / "..data")
    for name in REQUIRED:
        (tmp_path / name.lower()).symlink_to(Path("..data") / name.lower())
    environment.setenv("PERISAI_SECRETS_DIR", str(tmp_path))

    assert KitSettings.from_env().member_url == "http://member"


def test_a_folder_that_is_none_is_refused(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("PERISAI_SECRETS_DIR", str(tmp_path / "nowhere"))

    assert refusal() == "kit-service cannot start: PERISAI_SECRETS_DIR names no folder."


def test_all_that_is_missing_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PERISAI_KIT_LOOKUP_KEY")
    environment.delenv("PERISAI_GATEWAY_URL")
    environment.setenv(
        "PERISAI_MEMBER_URL", ""
    )  # empty, as compose passes on what nobody filled in

    assert refusal() == (
        "kit-service cannot start: these variables are missing: "
        "PERISAI_KIT_LOOKUP_KEY, PERISAI_GATEWAY_URL, PERISAI_MEMBER_URL."
    )


def test_what_is_not_valid_is_named_without_its_value(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERISAI_KIT_DATABASE_POOL_SIZE", SECRET)
    environment.setenv("PERISAI_SANDBOX", SECRET)

    said = refusal()

    assert "PERISAI_KIT_DATABASE_POOL_SIZE: Input should be a valid integer" in said
    assert "PERISAI_SANDBOX: Input should be a valid boolean" in said
    assert SECRET not in said


def test_json_that_is_none_is_named_without_its_value(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERISAI_KIT_CLIENTS", f'{{"x": "{SECRET}')

    assert refusal() == "kit-service cannot start: PERISAI_KIT_CLIENTS cannot be read."


def test_an_empty_secret_is_none(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    move_to_files(environment, tmp_path)
    (tmp_path / "perisai_kit_client_secret").write_text("\n")
    environment.setenv("PERISAI_KIT_CLIENTS", '{"agent-service": ""}')

    said = refusal()

    assert "PERISAI_KIT_CLIENT_SECRET: " in said
    assert "PERISAI_KIT_CLIENTS: " in said


def test_a_test_clock_is_refused_outside_a_sandbox(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("PERISAI_CLOCK_FILE", str(tmp_path / "clock.json"))

    said = refusal()

    assert said.startswith("kit-service cannot start: ")
    assert "PERISAI_CLOCK_FILE is only allowed with PERISAI_SANDBOX=1" in said
    environment.setenv("PERISAI_SANDBOX", "1")
    assert KitSettings.from_env().clock_file is not None


@pytest.mark.parametrize("direct", [None, ""])
def test_a_pool_without_a_direct_address_is_refused(
    environment: pytest.MonkeyPatch, direct: str | None
) -> None:
    environment.setenv("PERISAI_KIT_DATABASE_POOLED", "true")
    if direct is not None:
        environment.setenv("PERISAI_KIT_DIRECT_DATABASE_URL", direct)

    assert refusal() == (
        "kit-service cannot start: these variables are missing: PERISAI_KIT_DIRECT_DATABASE_URL."
    )


def test_a_pools_own_address_is_no_direct_one(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERISAI_KIT_DATABASE_POOLED", "true")
    environment.setenv("PERISAI_KIT_DIRECT_DATABASE_URL", REQUIRED["PERISAI_KIT_DATABASE_URL"])

    assert refusal() == (
        "kit-service cannot start: "
        "PERISAI_KIT_DIRECT_DATABASE_URL: must not be the pool's own address."
    )
    environment.setenv("PERISAI_KIT_DIRECT_DATABASE_URL", "postgresql://app@direct.invalid/kit")
    assert KitSettings.from_env().database_pooled


def test_the_primary_is_no_standby_of_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PERISAI_KIT_READ_DATABASE_URL", REQUIRED["PERISAI_KIT_DATABASE_URL"])

    assert refusal() == (
        "kit-service cannot start: "
        "PERISAI_KIT_READ_DATABASE_URL: must not be the primary's address."
    )
    environment.setenv("PERISAI_KIT_READ_DATABASE_URL", "postgresql://app@standby.invalid/kit")
    assert KitSettings.from_env().read_database_url is not None


def test_keys_that_are_none_are_refused_without_them(environment: pytest.MonkeyPatch) -> None:
    settings = KitSettings.from_env()

    with pytest.raises(SettingsRefused) as refused:
        Keyring.from_settings(settings)

    assert str(refused.value).startswith("kit-service cannot start: a ")
    assert SECRET not in str(refused.value)


def test_keys_that_can_be_used_start(environment: pytest.MonkeyPatch) -> None:
    for name, byte in (("PERISAI_KIT_DATA_KEYS", b"d"), ("PERISAI_KIT_LOOKUP_KEY", b"l")):
        text = base64.b64encode(32 * byte).decode()
        environment.setenv(name, f"k1:{text}" if name.endswith("KEYS") else text)

    keyring = Keyring.from_settings(KitSettings.from_env())

    assert keyring.decrypt(keyring.encrypt(b"x", "c"), "c") == b"x"


SERVER = """
import sys
import uvicorn
from pydantic_settings import SettingsConfigDict
from perisai_kit.runtime.settings import ServiceSettings

class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PERISAI_KIT_")
    service: str = "kit-service"

def create_app():
    return Settings.from_env()

uvicorn.run(create_app, factory=True, port=0, log_level="warning")
"""


def test_a_server_that_refuses_says_one_line_and_no_trace() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVER], env={}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("kit-service cannot start: these variables are missing: PERISAI_")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
