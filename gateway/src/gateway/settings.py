"""The settings of the gateway."""

from typing import Annotated, Self

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from gateway.clients.mail import MailServer, SmtpSecurity
from gateway.passwords import FLOOR, HashCost
from perisai_kit.runtime.settings import Networks, Secret, ServiceSettings, shared

SnapPrefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
Seconds = Annotated[int, Field(gt=0, le=366 * 24 * 3600)]
Times = Annotated[int, Field(gt=0, le=1_000_000_000)]


class Settings(ServiceSettings):
    """Prefix `PERISAI_GATEWAY_`. Durations are seconds of the real clock."""

    model_config = SettingsConfigDict(env_prefix="PERISAI_GATEWAY_")

    service: str = "gateway"
    client_secret: SecretStr = SecretStr("")
    """Not used: the gateway signs its own token."""
    # Several, separated by commas, are balanced; the gateway's own requests go to the first.
    agent_url: str = shared("PERISAI_AGENT_URL")
    member_url: str = shared("PERISAI_MEMBER_URL")
    payment_url: str = shared("PERISAI_PAYMENT_URL")

    service_clients: dict[str, Secret]
    """JSON: client id → secret of every service that may get a token."""

    access_token_s: Seconds = 600
    device_session_s: Seconds = 60 * 24 * 3600
    staff_session_s: Seconds = 12 * 3600
    """A session without a device: one working day."""
    signing_key_s: Seconds = 30 * 24 * 3600
    """How long a key signs before the next key replaces it."""

    otp_s: Seconds = 300
    otp_attempts: Times = 5
    """Wrong attempts after which a code is invalid."""
    otp_sends_per_device: Times = 10
    otp_sends_per_device_day: Times = 30
    """For a device that has signed in with the number before."""
    otp_sends_per_phone_and_address: Times = 10
    otp_sends_per_phone_and_address_day: Times = 30
    otp_sends_per_phone: Times = 100
    otp_sends_per_phone_day: Times = 300
    otp_sends_per_address: Times = 300
    otp_attempts_per_device: Times = 20
    otp_attempts_per_phone_and_address: Times = 20
    otp_attempts_per_phone: Times = 200
    password_attempts_per_device: Times = 10
    """For a device that has signed in with the name before."""
    password_attempts_per_name_and_address: Times = 10
    password_attempts_per_name: Times = 500
    password_attempts_per_address: Times = 300
    credential_attempts_per_account: Times = 10
    """Authenticator codes at sign-in, passwords and codes at /v1/me."""
    confirmation_sends_per_phone: Times = 5
    """Codes that confirm changes of members; counted apart from sign-in codes."""
    confirmation_sends_per_phone_day: Times = 20
    confirmation_attempts_per_phone: Times = 20
    password_hash_kib: int = Field(default=65_536, ge=8, le=1_048_576)
    """Memory of one argon2id hash. Each process runs as many as it has cores, less one."""
    password_hash_passes: int = Field(default=3, ge=1, le=100)
    throttle_window_s: Seconds = 900
    """The window of the counts above, except the daily ones: throttles/rules.py."""
    member_lookup_timeout_s: float = Field(default=3.0, gt=0, le=60)
    """How long a sign-in waits for member-service before it goes on without it."""
    otp_sender_url: str | None = Field(default=None, validate_default=True)
    """The webhook for codes and notices; it and its secret are required outside a sandbox."""
    otp_sender_secret: Secret | None = Field(default=None, validate_default=True)
    smtp_host: str | None = None
    """The relay for notices by e-mail. Without it staff reads its notices in the app only; a
    sandbox stores them."""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    """Source: RFC 6409, message submission."""
    smtp_security: SmtpSecurity = "starttls"
    """`none` only in a sandbox and for a relay on this machine."""
    smtp_username: str | None = None
    smtp_password: Secret | None = None
    email_from: str | None = None
    """The address that notices come from; needed with a relay."""
    notice_quiet_from: int | None = Field(default=None, ge=0, le=23)
    """Hour of Jakarta from which notices about incentives wait until `notice_quiet_until`. None:
    they are sent at any hour. Those about the account itself never wait."""
    notice_quiet_until: int | None = Field(default=None, ge=0, le=23)

    cors_origins: tuple[str, ...] = ()
    trusted_proxies: Networks = ()
    """Proxies in front of the gateway: their X-Forwarded-For and -Proto are trusted."""
    snap_prefixes: tuple[SnapPrefix, ...] = ("/snap/v1.0", "/openapi/v1.0")
    """The prefixes that banks call, as their profiles write them."""
    snap_timeout_s: float = Field(default=7.0, gt=0, le=60)
    """Below the shortest time-out of a bank, 8 s. Source: docs/snap.md, time-outs."""
    connect_timeout_s: float = Field(default=2.0, gt=0, le=60)
    upstream_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """How long a request may take after its body was read."""
    upstream_connections: Times = 128
    """Concurrent connections of one process to one upstream."""
    bank_connections: Times = 256
    """Concurrent connections of one process to payment-service, for banks only."""
    upstream_waiting: Times = 256
    """Requests that may wait for a connection to one upstream."""
    upstream_wait_s: float = Field(default=5.0, gt=0, le=60)
    """How long a request waits for a connection, and for a slot of its account."""
    requests_of_account: Times = 4
    """Concurrent requests of one account to one upstream; further ones wait."""
    requests_of_address: Times = 32
    """Concurrent requests of one address without a sign-in; many telephones share an address."""
    requests_waiting: Times = 64
    """Requests of one account, or one address, that may wait for a slot."""
    collected_bytes: Times = 256 * 1024 * 1024
    """Bytes of all request bodies in one process."""
    collected_bytes_of_banks: Times = 64 * 1024 * 1024
    """As above, for banks; `collected_bytes_of_bank` is the limit of one address."""
    collected_bytes_of_bank: Times = 4 * 1024 * 1024
    rate_limits: dict[str, Times] = Field(default_factory=dict)
    """JSON: rate class → requests a minute; overrides the defaults of edge/limits.py."""

    @property
    def hash_cost(self) -> HashCost:
        """The cost of a password hash."""
        return HashCost(kib=self.password_hash_kib, passes=self.password_hash_passes)

    @property
    def agent_address(self) -> str:
        """The address of agent-service for the gateway's own requests."""
        return self.agent_url.partition(",")[0]

    @property
    def payment_address(self) -> str:
        """The address of payment-service for the gateway's own requests."""
        return self.payment_url.partition(",")[0]

    @property
    def mail_server(self) -> MailServer | None:
        """The relay for e-mail; None without one."""
        if self.smtp_host is None or self.email_from is None:
            return None
        return MailServer(
            host=self.smtp_host,
            port=self.smtp_port,
            security=self.smtp_security,
            sender=self.email_from,
            username=self.smtp_username,
            password=self.smtp_password,
        )

    @property
    def member_address(self) -> str:
        """The address of member-service for the gateway's own requests."""
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

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        is_local = self.smtp_host in ("127.0.0.1", "::1", "localhost")
        if self.smtp_security == "none" and self.smtp_host and not (self.sandbox or is_local):
            raise PydanticCustomError("smtp_open", "smtp_security `none` needs a relay on loopback")
        if (self.smtp_host is None) != (self.email_from is None):
            raise PydanticCustomError("smtp_half", "smtp_host and email_from need each other")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise PydanticCustomError(
                "smtp_half", "smtp_username and smtp_password need each other"
            )
        return self

    @model_validator(mode="after")
    def _check_quiet_hours(self) -> Self:
        if (self.notice_quiet_from is None) != (self.notice_quiet_until is None):
            said = "notice_quiet_from and notice_quiet_until need each other"
            raise PydanticCustomError("quiet_half", said)
        return self
