import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.keys.rules import KeyStatus
from perisai_kit.http.types import Model, Out, Text255


class SigningKeyOut(Out):
    kid: str
    status: KeyStatus
    created_at: datetime
    current_at: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None = Field(description="Its tokens are refused from then on.")
    revoked_by: uuid.UUID | None
    revoked_reason: str | None


class KeyRevocation(Model):
    reason: Text255


class SigningKeysOut(Out):
    items: Annotated[list[SigningKeyOut], Field(max_length=100)]


class JwkOut(Out):
    kid: str
    kty: str
    crv: str
    x: str
    y: str
    alg: str
    use: str


class JwksOut(Out):
    keys: Annotated[list[JwkOut], Field(max_length=100)]
