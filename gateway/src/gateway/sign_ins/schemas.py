import base64
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
)

from gateway.otp.schemas import DeviceId, OtpCode
from gateway.passwords import PASSWORD_MAX
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import Code, Model, SecretText, required_tag, with_example

OpaqueToken = Annotated[SecretText, Field(min_length=1, max_length=200)]


class OtpGrant(Model):
    model_config = with_example(
        grant_type="otp", phone="0812 3456 7890", code="123456", device_id="a1b2c3d4"
    )

    grant_type: Annotated[Literal["otp"], Field(description="`otp`: a person with a code by SMS.")]
    phone: Annotated[Phone, Field(description="Telephone number that got the code.")]
    code: Annotated[OtpCode, Field(description="The one-time code.")]
    device_id: Annotated[DeviceId, Field(description="The device the code was requested for.")]
    account_id: uuid.UUID | None = Field(
        default=None, description="Which of the accounts that the first answer listed."
    )


class PasswordGrant(Model):
    model_config = with_example(
        grant_type="password", username="officer1", password="four unusual plain words"
    )

    grant_type: Annotated[Literal["password"], Field(description="`password`: staff.")]
    username: Annotated[
        str,
        StringConstraints(
            pattern=describe_form(
                r"^[A-Za-z0-9._-]{1,40}$",
                "must be 1 to 40 letters, digits, dots, hyphens or underscores",
                "harus 1 sampai 40 huruf, angka, titik, tanda hubung atau garis bawah",
            )
        ),
        Field(description="Name of the staff account."),
    ]
    password: Annotated[
        SecretText, Field(min_length=1, max_length=PASSWORD_MAX, description="Its password.")
    ]
    totp: Annotated[
        OtpCode | None, Field(description="Code of the authenticator app, if one is in use.")
    ] = None
    device_id: Annotated[DeviceId | None, Field(description="Binds the session to a device.")] = (
        None
    )


class RefreshGrant(Model):
    model_config = with_example(
        grant_type="refresh_token",
        refresh_token="the refresh token of the last answer",
        device_id="a1b2c3d4",
    )

    grant_type: Annotated[
        Literal["refresh_token"], Field(description="`refresh_token`: continue a session.")
    ]
    refresh_token: Annotated[
        OpaqueToken, Field(description="The refresh token of the last answer.")
    ]
    device_id: DeviceId | None = Field(
        default=None, description="Required where the session is bound to a device."
    )


class ClientGrant(Model):
    model_config = with_example(
        grant_type="client_credentials", client_id="payment-service", client_secret="its own"
    )

    grant_type: Annotated[
        Literal["client_credentials"], Field(description="`client_credentials`: a service.")
    ]
    client_id: Annotated[Code, Field(description="Name of the service.")]
    client_secret: Annotated[OpaqueToken, Field(description="Its secret.")]


Grant = Annotated[
    OtpGrant | PasswordGrant | RefreshGrant | ClientGrant,
    Discriminator("grant_type"),
    required_tag("grant_type"),
]

GRANTS: dict[str, type[Model]] = {
    "otp": OtpGrant,
    "password": PasswordGrant,
    "refresh_token": RefreshGrant,
    "client_credentials": ClientGrant,
}


def grant_of_form(fields: Mapping[str, str]) -> dict[str, str]:
    """Return a grant as JSON has it. Source: RFC 6749 3.2, 4.3.2, 4.4.2, 6.

    Fields of other grants, such as `scope`, are ignored, and those without a value count as left
    out.
    """
    grant = GRANTS.get(fields.get("grant_type", ""))
    known = grant.model_fields.keys() if grant is not None else {"grant_type"}
    return {name: text for name, text in fields.items() if name in known and text}


def basic_client(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the client that an Authorization header names. Source: RFC 6749 2.3.1."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


FORM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "GrantForm",
    "description": "A grant as OAuth 2.0 clients send it; other fields are ignored.",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": [*GRANTS]},
        **{
            name: {"type": "string"}
            for name in sorted({name for each in GRANTS.values() for name in each.model_fields})
            if name != "grant_type"
        },
    },
}
