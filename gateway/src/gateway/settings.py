"""What the gateway is told by its environment."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from gateway.passwords import FLOOR, HashCost
from perisai_kit.runtime.settings import Networks, Secret, ServiceSettings, shared

SnapPrefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
Seconds = Annotated[int, Field(gt=0, le=366 * 24 * 3600)]
Times = Annotated[int, Field(gt=0, le=1_000_000_000)]


class Settings(ServiceSettings):
    """Prefix `PERISAI_GATEWAY_`. Lengths of time are seconds of the real clock."""

    model_config = SettingsConfigDict(env_prefix="PERISAI_GATEWAY_")

    service: str = "gateway"
    client_secret: SecretStr = SecretStr("")
    """Not used: the gateway signs its own token."""
    # Several by comma are balanced; questions of our own go to the first.
    agent_url: str = shared("PERISAI_AGENT_URL")
    member_url: str = shared("PERISAI_MEMBER_URL")
    payment_url: str = shared("PERISAI_PAYMENT_URL")

    service_clients: dict[str, Secret]
    """JSON: client id → secret of every service that may ask for a token."""

    access_token_s: Seconds = 600
    device_session_s: Seconds = 60 * 24 * 3600
    staff_session_s: Seconds = 12 * 3600
    """A session that is bound to no device: one working day."""
    signing_key_s: Seconds = 30 * 24 * 3600
    """How long one key signs before the next one takes over."""

    otp_s: Seconds = 300
    otp_attempts: Times = 5
    """Wrong codes after which one code counts no more."""
    otp_sends_per_device: Times = 10
    otp_sends_per_device_day: Times = 30
    """Of a device that has signed in with the number before."""
    otp_sends_per_phone_and_address: Times = 10
    otp_sends_per_phone_and_address_day: Times = 30
    otp_sends_per_phone: Times = 100
    otp_sends_per_phone_day: Times = 300
    otp_sends_per_address: Times = 300
    otp_attempts_per_device: Times = 20
    otp_attempts_per_phone_and_address: Times = 20
    otp_attempts_per_phone: Times = 200
    password_attempts_per_device: Times = 10
    """Of a device that has signed in with the name before."""
    password_attempts_per_name_and_address: Times = 10
    password_attempts_per_name: Times = 500
    password_attempts_per_address: Times = 300
    credential_attempts_per_account: Times = 10
    """Authenticator codes at sign-in, passwords and codes at /v1/me."""
    password_hash_kib: int = Field(default=65_536, ge=8, le=1_048_576)
    """Memory of one argon2id hash; every process has as many at one time as cores but one."""
    password_hash_passes: int = Field(default=3, ge=1, le=100)
    throttle_window_s: Seconds = 900
    """The window of the counts above, but for the daily ones. Whose tries count for whom is in
    throttles/rules.py."""
    member_lookup_timeout_s: float = Field(default=3.0, gt=0, le=60)
    """How long signing in waits for member-service; then it goes on without it."""
    otp_sender_url: str | None = Field(default=None, validate_default=True)
    """Where codes and notices are posted; it and its secret are required outside a sandbox."""
    otp_sender_secret: Secret | None = Field(default=None, validate_default=True)

    cors_origins: tuple[str, ...] = ()
    trusted_proxies: Networks = ()
    """Whose X-Forwarded-For and -Proto are believed: what ends TLS in front of us."""
    snap_prefixes: tuple[SnapPrefix, ...] = ("/snap/v1.0", "/openapi/v1.0")
    """Where banks call us, one for each way their profiles write it."""
    snap_timeout_s: float = Field(default=7.0, gt=0, le=60)
    """Below the 8 s that the most impatient bank waits. Source: docs/snap.md, time-outs."""
    connect_timeout_s: float = Field(default=2.0, gt=0, le=60)
    upstream_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """How long the rest of a request may take once its body is here."""
    upstream_connections: Times = 128
    """Of one process to one upstream at one time."""
    bank_connections: Times = 256
    """Of one process to payment-service, for banks alone."""
    upstream_waiting: Times = 256
    """How many requests may wait for a connection to one upstream."""
    upstream_wait_s: float = Field(default=5.0, gt=0, le=60)
    """How long each of them waits, and how long an account's request waits for its turn."""
    requests_of_account: Times = 4
    """Of one account to one upstream at one time; others wait their turn."""
    requests_of_address: Times = 32
    """As above, for requests without a sign-in: many telephones share one address."""
    requests_waiting: Times = 64
    """How many requests of one account, or one address, may wait for their turn."""
    collected_bytes: Times = 256 * 1024 * 1024
    """Of bodies that one process holds at one time."""
    collected_bytes_of_banks: Times = 64 * 1024 * 1024
    """As above, for what banks send, and what of it may come from one address."""
    collected_bytes_of_bank: Times = 4 * 1024 * 1024
    rate_limits: dict[str, Times] = Field(default_factory=dict)
    """JSON: rate class → requests a minute, instead of the default of limits.py."""

    @property
    def hash_cost(self) -> HashCost:
        """What a password's hash costs here."""
        return HashCost(kib=self.password_hash_kib, passes=self.password_hash_passes)

    @property
    def agent_address(self) -> str:
        """Where agent-service is asked by us."""
        return self.agent_url.partition(",")[0]

    @property
    def member_address(self) -> str:
        """Where member-service is asked by us."""
        return self.member_url.partition(",")[0]

    @field_validator("password_hash_kib", "password_hash_passes")
    @classmethod
    def _check_hash_cost(cls, value: int, info: ValidationInfo) -> int:
        least = FLOOR.kib if info.field_name == "password_hash_kib" else FLOOR.passes
        if value < least and not info.data.get("sandbox"):
            said = "must be at least {least} without PERISAI_SANDBOX=1"
            raise PydanticCustomError("too_cheap", said, {"least": least})
        return value

    @field_validator("otp_sender_url", "otp_sender_secret")
    @classmethod
    def _check_sender(cls, value: object, info: ValidationInfo) -> object:
        if value is None and not info.data.get("sandbox"):
            raise PydanticCustomError("missing", "Required without PERISAI_SANDBOX=1")
        return value
