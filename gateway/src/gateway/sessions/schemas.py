import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.sign_ins.schemas import OpaqueToken
from perisai_kit.http.types import Model, Out


class TokenOut(Out):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None = Field(default=None, description="Null for a service.")
    refresh_expires_at: datetime | None = None
    account_id: uuid.UUID


class OfferedAccount(Out):
    account_id: uuid.UUID
    label: str = Field(description="Masked.")
    is_member: bool
    is_agent: bool


class AccountChoiceOut(Out):
    """Several people share the number: send the same grant again with one `account_id`."""

    accounts: Annotated[list[OfferedAccount], Field(max_length=50)]


class Revocation(Model):
    refresh_token: OpaqueToken


class SessionOut(Out):
    id: uuid.UUID
    device_id: str | None
    amr: list[str]
    created_at: datetime
    rotated_at: datetime | None
    expires_at: datetime


class SessionsOut(Out):
    items: Annotated[list[SessionOut], Field(max_length=100)]
