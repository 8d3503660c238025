import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from gateway.accounts.rules import AccountKind
from gateway.passwords import PASSWORD_MAX, PASSWORD_MIN
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.http.types import Code, Model, Out, Phone, ShortText, Text255

Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{2,39}$")]
NewPassword = Annotated[SecretStr, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]
Reason = Annotated[Text255, Field(description="Why; kept with the account's history.")]
Roles = Annotated[frozenset[Role], Field(min_length=1, max_length=8)]


class NewScope(Model):
    kind: ScopeKind
    code: Code | None = None
    region: Code | None = Field(default=None, description="A branch's region.")


class AccountRoles(Model):
    roles: Roles
    scope: NewScope | None = None
    wadah_id: uuid.UUID | None = None


class NewStaff(AccountRoles):
    username: Username
    password: NewPassword
    display_label: ShortText


class NewStaffAccount(NewStaff):
    reason: Reason


class RolesChange(AccountRoles):
    reason: Reason


class StatedReason(Model):
    reason: Reason


class PhoneChange(Model):
    phone: Phone
    reason: Reason


class PhoneLookup(Model):
    phone: Phone


class ScopeOut(Out):
    kind: ScopeKind
    code: str | None = None
    region: str | None = None


class AccountOut(Out):
    id: uuid.UUID
    kind: AccountKind
    username: str | None
    display_label: str
    phone_masked: str | None
    roles: list[Role]
    scope: ScopeOut | None
    member_id: uuid.UUID | None
    agent_id: uuid.UUID | None
    wadah_id: uuid.UUID | None
    has_totp: bool
    locked_at: datetime | None
    created_at: datetime
    version: int


class AccountsOut(Out):
    items: Annotated[list[AccountOut], Field(max_length=50)]


class MeOut(Out):
    account_id: uuid.UUID
    kind: AccountKind | None = Field(description="Null for another service.")
    username: str | None = None
    display_label: str | None = None
    client_id: str | None = None
    roles: list[Role]
    scope: ScopeOut | None = None
    member_id: uuid.UUID | None = None
    agent_id: uuid.UUID | None = None
    wadah_id: uuid.UUID | None = None
    has_totp: bool = False
    device_id: str | None = None
    amr: tuple[str, ...] = ()
