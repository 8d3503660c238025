import uuid
from typing import Annotated, Literal

from pydantic import Discriminator, Field, SecretStr, StringConstraints

from gateway.otp.schemas import DeviceId, OtpCode
from gateway.passwords import PASSWORD_MAX
from perisai_kit.http.types import Code, Model, Phone, required_tag

OpaqueToken = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class OtpGrant(Model):
    grant_type: Literal["otp"]
    phone: Phone
    code: OtpCode
    device_id: DeviceId
    account_id: uuid.UUID | None = Field(
        default=None, description="Which of the accounts that the first answer listed."
    )


class PasswordGrant(Model):
    grant_type: Literal["password"]
    username: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    password: Annotated[SecretStr, Field(min_length=1, max_length=PASSWORD_MAX)]
    totp: OtpCode | None = None
    device_id: DeviceId | None = None


class RefreshGrant(Model):
    grant_type: Literal["refresh_token"]
    refresh_token: OpaqueToken
    device_id: DeviceId | None = Field(
        default=None, description="Required where the session is bound to a device."
    )


class ClientGrant(Model):
    grant_type: Literal["client_credentials"]
    client_id: Code
    client_secret: OpaqueToken


Grant = Annotated[
    OtpGrant | PasswordGrant | RefreshGrant | ClientGrant,
    Discriminator("grant_type"),
    required_tag("grant_type"),
]
