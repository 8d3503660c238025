import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.keys.rules import KeyStatus
from perisai_kit.http.types import (
    Model,
    Out,
    Text255,
    with_example,
)


class SigningKeyOut(Out):
    kid: Annotated[str, Field(description="Id of the key, as tokens name it.")]
    status: Annotated[KeyStatus, Field(description="`next`, `current` or `retired`.")]
    created_at: Annotated[datetime, Field(description="When it was created.")]
    current_at: Annotated[datetime | None, Field(description="Since when it signs.")]
    retired_at: Annotated[datetime | None, Field(description="Since when it no longer signs.")]
    revoked_at: datetime | None = Field(description="Its tokens are refused from then on.")
    revoked_by: Annotated[uuid.UUID | None, Field(description="Account that withdrew it.")]
    revoked_reason: Annotated[str | None, Field(description="Why it was withdrawn.")]


class KeyRevocation(Model):
    model_config = with_example(reason="The key leaked.")

    reason: Annotated[Text255, Field(description="Why; kept with the key.")]


class SigningKeysOut(Out):
    items: Annotated[list[SigningKeyOut], Field(max_length=100, description="Newest first.")]


class JwkOut(Out):
    kid: Annotated[str, Field(description="Id of the key, as tokens name it.")]
    kty: Annotated[str, Field(description="Key type, `EC`.")]
    crv: Annotated[str, Field(description="Curve, `P-256`.")]
    x: Annotated[str, Field(description="X coordinate, base64url.")]
    y: Annotated[str, Field(description="Y coordinate, base64url.")]
    alg: Annotated[str, Field(description="Algorithm, `ES256`.")]
    use: Annotated[str, Field(description="`sig`: for signatures.")]


class JwksOut(Out):
    keys: Annotated[list[JwkOut], Field(max_length=100, description="RFC 7517 keys.")]
