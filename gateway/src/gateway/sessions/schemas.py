from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.sign_ins.schemas import OpaqueToken
from perisai_kit.http.types import (
    AccountId,
    Model,
    Out,
    RecordId,
    with_example,
)


class TokenOut(Out):
    model_config = with_example(
        access_token="eyJhbGciOiJFUzI1NiIs…",
        token_type="Bearer",
        expires_in=600,
        refresh_token="pqR3…",
        refresh_expires_at="2027-01-02T01:00:00Z",
        account_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a02",
    )

    access_token: Annotated[str, Field(description="Send it as `Authorization: Bearer …`.")]
    token_type: Annotated[Literal["Bearer"], Field(description="Always `Bearer`.")] = "Bearer"
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None = Field(default=None, description="Null for a service.")
    refresh_expires_at: Annotated[
        datetime | None, Field(description="Until when the refresh token is valid.")
    ] = None
    account_id: AccountId


class OfferedAccount(Out):
    account_id: AccountId
    label: str = Field(description="Masked.")
    is_member: Annotated[bool, Field(description="Whether the person is a member.")]
    is_agent: Annotated[bool, Field(description="Whether the person is an agent.")]


class AccountChoiceOut(Out):
    """Several people share the number: send the same grant again with one `account_id`."""

    accounts: Annotated[
        list[OfferedAccount], Field(max_length=50, description="The accounts of the number.")
    ]


class Revocation(Model):
    model_config = with_example(refresh_token="the refresh token of the last answer")

    refresh_token: Annotated[OpaqueToken, Field(description="Refresh token of the session to end.")]


class SessionOut(Out):
    id: RecordId
    device_id: Annotated[str | None, Field(description="Device the session is bound to.")]
    amr: Annotated[
        list[str], Field(description="How the session was opened: `pwd`, `otp`, `totp` …")
    ]
    created_at: Annotated[datetime, Field(description="When it was created.")]
    rotated_at: Annotated[
        datetime | None, Field(description="When its tokens were last refreshed.")
    ]
    expires_at: Annotated[
        datetime, Field(description="When the session ends, unless it is refreshed.")
    ]


class SessionsOut(Out):
    items: Annotated[list[SessionOut], Field(max_length=100, description="Newest first.")]
