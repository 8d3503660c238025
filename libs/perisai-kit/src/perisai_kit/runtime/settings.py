"""The settings of a process, read once from its environment and from files with its secrets."""

import json
import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

SECRETS_DIR = "PERISAI_SECRETS_DIR"
"""A folder with a file for each variable, named in lower case, as Docker and Kubernetes mount
secrets. Environment variables take precedence."""


Secret = Annotated[SecretStr, Field(min_length=1)]


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        return json.loads(value)
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _read_networks(value: object) -> object:
    parts = _split(value)
    if not isinstance(parts, list | tuple):
        return value
    return tuple(ip_network(part, strict=False) for part in parts)


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Texts separated by commas, or a JSON list."""

Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_read_networks)
]
"""Addresses and networks such as `10.0.0.0/8`, separated by commas or as a JSON list."""


class SettingsRefused(SystemExit):
    """Ends the process at start with one line and exit code 1.

    The line contains names of variables, never their values.
    """


def find_secrets_folder(program: str) -> str | None:
    """Return the folder in PERISAI_SECRETS_DIR, if any. program: its name, for the error.

    Raises: SettingsRefused if the folder does not exist.
    """
    folder = os.environ.get(SECRETS_DIR) or None
    if folder is not None and not Path(folder).is_dir():
        raise SettingsRefused(f"{program} cannot start: {SECRETS_DIR} names no folder.")
    return folder


def shared(name: str, **kwargs: Any) -> Any:
    """Declare a variable with the same name in every service, such as PERISAI_GATEWAY_URL."""
    return Field(validation_alias=AliasChoices(name), **kwargs)


class ServiceSettings(BaseSettings):
    """The base; a service subclasses it with its own prefix, such as `PERISAI_MEMBER_`.

    Secrets and addresses have no default. An empty variable counts as unset, because
    docker-compose.yml passes unset variables on as empty ones.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    service: str
    """The name of the service in logs, tokens and events, such as `member-service`."""

    database_url: Secret
    """postgresql://<database>_app:…@host:port/database; the role that may not alter tables."""
    database_pooled: bool = False
    """Whether `database_url` is that of PgBouncer or similar, in transaction mode."""
    direct_database_url: Secret | None = Field(default=None, validate_default=True)
    """PostgreSQL's own address, for the sequencer, notifications and the writer of payments;
    required with a pool."""
    read_database_url: Secret | None = Field(default=None, validate_default=True)
    """A standby for lists, exports and statements; behind a pool if `database_url` is."""
    data_keys: Secret
    """`kid:base64 of 32 bytes`, several separated by commas; the first encrypts, all decrypt."""
    lookup_key: Secret
    """base64 of 32 bytes, for keyed hashes. It cannot be rotated in place."""
    client_secret: Secret
    """The client secret for this service's own token; the client id is `service`."""
    database_pool_size: int = Field(default=10, ge=1, le=100)

    gateway_url: str = shared("PERISAI_GATEWAY_URL")
    issuer: str = shared("PERISAI_ISSUER")
    sandbox: bool = shared("PERISAI_SANDBOX", default=False)
    clock_file: Path | None = shared("PERISAI_CLOCK_FILE", default=None)
    run_worker: bool = shared("RUN_WORKER", default=False)
    """Whether this process also runs the sequencer, the subscriptions and the periodic tasks."""
    service_timeout_s: float = Field(default=10.0, gt=0, le=60)

    @field_validator("direct_database_url")
    @classmethod
    def _direct_beside_a_pool(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        if info.data.get("database_pooled"):
            if value is None:
                raise PydanticCustomError("missing", "Required with a pool")
            if value == info.data.get("database_url"):
                raise PydanticCustomError("pool", "must not be the pool's own address")
        return value

    @field_validator("read_database_url")
    @classmethod
    def _another_than_the_primary(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        if value is not None and value == info.data.get("database_url"):
            raise PydanticCustomError("replica", "must not be the primary's address")
        return value

    @model_validator(mode="after")
    def _real_time_outside_a_sandbox(self) -> Self:
        if self.clock_file is not None and not self.sandbox:
            raise ValueError("PERISAI_CLOCK_FILE is only allowed with PERISAI_SANDBOX=1")
        return self

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment and the folder of secrets once.

        Raises: SettingsRefused with every missing or invalid variable.
        """
        folder = find_secrets_folder(cls._who())
        try:
            return cls(_secrets_dir=folder)
        except ValidationError as error:
            raise SettingsRefused(f"{cls._who()} cannot start: {cls._explain(error)}.") from None
        except SettingsError as error:
            # Its text holds the name of the field. The value is only in its causes.
            field = str(error).partition('"')[2].partition('"')[0]
            said = f"{cls._variable(field)} cannot be read"
            raise SettingsRefused(f"{cls._who()} cannot start: {said}.") from None

    @classmethod
    def _who(cls) -> str:
        return str(cls.model_fields["service"].default)

    @classmethod
    def _variable(cls, name: str) -> str:
        """Return the variable of a field; a shared field is reported by its variable."""
        is_ours = name in cls.model_fields
        return f"{cls.model_config.get('env_prefix', '')}{name}".upper() if is_ours else name

    @classmethod
    def _explain(cls, error: ValidationError) -> str:
        missing, wrong = [], []
        for each in error.errors(include_input=False, include_url=False):
            name = cls._variable(str(each["loc"][0])) if each["loc"] else ""
            if each["type"] == "missing":
                missing.append(name)
            else:
                wrong.append(f"{name}: {each['msg']}" if name else each["msg"])
        said = [f"these variables are missing: {', '.join(missing)}"] if missing else []
        return "; ".join([*said, *dict.fromkeys(wrong)])
