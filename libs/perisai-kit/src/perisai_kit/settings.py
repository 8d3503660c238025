"""What every process is told by its environment, read once at its start."""

from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def shared(name: str, **kwargs: Any) -> Any:
    """A variable that carries the same name in every service, such as PERISAI_GATEWAY_URL."""
    return Field(validation_alias=AliasChoices(name), **kwargs)


class ServiceSettings(BaseSettings):
    """The base; a service subclasses it with its own prefix, such as `PERISAI_MEMBER_`.

    There is no default for a secret or an address.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    service: str
    """The service's name as it stands in logs, tokens and events, such as `member-service`."""

    database_url: SecretStr
    """postgresql://app:…@host:port/database; the role that may not alter tables."""
    data_keys: SecretStr
    """`kid:base64 of 32 bytes`, several by comma; the first encrypts, all decrypt."""
    lookup_key: SecretStr
    """base64 of 32 bytes; keyed hashes for look-up. It does not rotate in place."""
    client_secret: SecretStr
    """With `service` as client id: how this service gets its own token from the gateway."""
    database_pool_size: int = Field(default=10, ge=1, le=100)

    gateway_url: str = shared("PERISAI_GATEWAY_URL")
    issuer: str = shared("PERISAI_ISSUER")
    sandbox: bool = shared("PERISAI_SANDBOX", default=False)
    clock_file: Path | None = shared("PERISAI_CLOCK_FILE", default=None)
    run_worker: bool = shared("RUN_WORKER", default=False)
    """True: this process also runs the sequencer, the subscriptions and the periodic tasks."""
    service_timeout_s: float = Field(default=10.0, gt=0, le=60)

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment once. Every missing or bad variable is reported together."""
        return cls()
