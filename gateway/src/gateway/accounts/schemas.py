from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.accounts.rules import AccountKind, AccountScope
from gateway.passwords import PASSWORD_MAX, PASSWORD_MIN
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import (
    AccountId,
    AgentId,
    Code,
    MemberId,
    Model,
    Out,
    RecordId,
    SecretText,
    ShortText,
    Text255,
    WadahId,
    with_example,
)

Username = Annotated[
    str,
    StringConstraints(
        pattern=describe_form(
            r"^[a-z0-9][a-z0-9._-]{2,39}$",
            "must be 3 to 40 small letters, digits, dots, hyphens or underscores",
            "harus 3 sampai 40 huruf kecil, angka, titik, tanda hubung atau garis bawah",
        )
    ),
]
NewPassword = Annotated[SecretText, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]
Reason = Annotated[Text255, Field(description="Why; kept with the account's history.")]
Roles = Annotated[frozenset[Role], Field(min_length=1, max_length=8)]
KindOfScope = Annotated[
    ScopeKind,
    Field(
        description="Whether it is a branch, a region or the whole country; for a bank's engineer "
        "one bank partner."
    ),
]


class NewScope(Model):
    kind: KindOfScope
    code: Annotated[
        Code | None,
        Field(
            description="Code of the branch or region, or id of the bank partner; none for the "
            "country."
        ),
    ] = None
    region: Code | None = Field(default=None, description="A branch's region.")


class AccountRoles(Model):
    roles: Annotated[Roles, Field(description="Roles of the account.")]
    scope: Annotated[
        NewScope | None, Field(description="Part of the country the account works for.")
    ] = None
    wadah_id: WadahId | None = None

    @property
    def account_scope(self) -> AccountScope:
        """The scope as the rules know it; empty if there is none."""
        scope = self.scope
        return AccountScope(scope.kind, scope.code, scope.region) if scope else AccountScope()


class WantedOffices(BaseModel):
    """The part of a body that another service is asked about."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    scope: NewScope | None = None
    wadah_id: UUID | None = None


class NewStaff(AccountRoles):
    username: Annotated[Username, Field(description="Name to sign in with.")]
    password: Annotated[NewPassword, Field(description="First password; at least 12 characters.")]
    display_label: Annotated[ShortText, Field(description="Name shown to other staff.")]


class NewStaffAccount(NewStaff):
    model_config = with_example(
        username="siti.rahma",
        password="four unusual plain words",
        display_label="Siti Rahma",
        roles=["branch_officer"],
        scope={"kind": "branch", "code": "BWI", "region": "JTM"},
        reason="New officer of the branch.",
    )

    reason: Reason


class RolesChange(AccountRoles):
    model_config = with_example(
        roles=["auditor"], scope={"kind": "country"}, reason="Moves to the audit team."
    )

    reason: Reason


class StatedReason(Model):
    model_config = with_example(reason="Telephone was stolen.")

    reason: Reason


class PhoneChange(Model):
    model_config = with_example(phone="0812 3456 7890", reason="New number, identity card seen.")

    phone: Annotated[Phone, Field(description="New telephone number.")]
    reason: Reason


class PhoneLookup(Model):
    model_config = with_example(phone="0812 3456 7890")

    phone: Annotated[Phone, Field(description="Telephone number to look for.")]


class ScopeOut(Out):
    kind: KindOfScope
    code: Annotated[
        str | None,
        Field(
            description="Code of the branch or region, or id of the bank partner; null for the "
            "country."
        ),
    ] = None
    region: Annotated[
        str | None, Field(description="Region of the branch; null for the others.")
    ] = None


class AccountOut(Out):
    id: RecordId
    kind: Annotated[
        AccountKind,
        Field(description="Staff signs in with a password, a person with a code by SMS."),
    ]
    username: Annotated[str | None, Field(description="Name to sign in with.")]
    display_label: Annotated[str, Field(description="Name shown to other staff.")]
    phone_masked: Annotated[str | None, Field(description="Telephone number of a person, masked.")]
    email_masked: Annotated[
        str | None, Field(description="E-mail address for notices to staff, masked.")
    ]
    roles: Annotated[list[Role], Field(description="Roles of the account.")]
    scope: Annotated[
        ScopeOut | None, Field(description="Part of the country the account works for.")
    ]
    member_id: MemberId | None
    agent_id: AgentId | None
    wadah_id: WadahId | None
    has_totp: Annotated[bool, Field(description="Whether an authenticator app is in use.")]
    locked_at: Annotated[
        datetime | None, Field(description="Since when it cannot sign in; null: it can.")
    ]
    created_at: Annotated[datetime, Field(description="When it was created.")]
    version: Annotated[int, Field(description="Grows with each change; the ETag has it too.")]


class AccountsOut(Out):
    items: Annotated[list[AccountOut], Field(max_length=50, description="The accounts found.")]


class MeOut(Out):
    model_config = with_example(
        account_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a02",
        kind="person",
        username=None,
        display_label="Dewi Lestari",
        email_masked=None,
        client_id=None,
        roles=["agent", "member"],
        scope=None,
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a23",
        agent_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a01",
        wadah_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7f01",
        has_totp=False,
        device_id="a1b2c3d4",
        amr=["otp"],
    )

    account_id: AccountId
    kind: AccountKind | None = Field(description="Null for another service.")
    username: Annotated[str | None, Field(description="Name to sign in with.")] = None
    display_label: Annotated[
        str | None,
        Field(
            description="Your name: of a person whole, or the telephone number while no name is "
            "known. Masked while the service that has the name does not answer."
        ),
    ] = None
    email_masked: Annotated[
        str | None, Field(description="E-mail address for notices to you, masked.")
    ] = None
    client_id: Annotated[
        str | None, Field(description="Name of the service; null for an account.")
    ] = None
    roles: Annotated[list[Role], Field(description="Roles of the account.")]
    scope: Annotated[
        ScopeOut | None, Field(description="Part of the country the account works for.")
    ] = None
    member_id: MemberId | None = None
    agent_id: AgentId | None = None
    wadah_id: WadahId | None = None
    has_totp: Annotated[bool, Field(description="Whether an authenticator app is in use.")] = False
    device_id: Annotated[
        str | None, Field(description="Device of this session, if it is bound to one.")
    ] = None
    amr: Annotated[
        tuple[str, ...], Field(description="How the session was opened: `pwd`, `otp`, `totp` …")
    ] = ()
