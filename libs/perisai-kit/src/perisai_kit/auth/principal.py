"""Principals with their roles and scopes."""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


class Role(StrEnum):
    MEMBER = "member"
    AGENT = "agent"
    WADAH_ADMIN = "wadah_admin"
    BRANCH_OFFICER = "branch_officer"
    FINANCE_OFFICER = "finance_officer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    BANK_ENGINEER = "bank_engineer"
    SERVICE = "service"


OFFICE_ROLES = frozenset({Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN})
"""Roles whose powers reach as far as the scope."""


class ScopeKind(StrEnum):
    BRANCH = "branch"
    REGION = "region"
    COUNTRY = "country"
    BANK_PARTNER = "bank_partner"
    """Not a part of the country: one bank partner, for the bank's own engineer."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the country, or the bank partner, that a principal works for.

    code: the code of the branch or region, or the id of the bank partner; None for the country.
    region: a branch's region code.
    """

    kind: ScopeKind
    code: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Principal:
    """The subject of a verified access token."""

    account_id: uuid.UUID
    roles: frozenset[Role]
    agent_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    wadah_id: uuid.UUID | None = None
    scope: Scope | None = None
    client_id: str | None = None
    amr: tuple[str, ...] = ()
    device_id: str | None = None
    session_id: uuid.UUID | None = None
    """The sign-in session of the token, the claim `sid`; None for a service."""

    @cached_property
    def subject(self) -> str:
        """The account's id as text, the claim `sub`."""
        return str(self.account_id)

    @cached_property
    def is_service(self) -> bool:
        return Role.SERVICE in self.roles

    def has(self, *roles: Role) -> bool:
        """Tell whether the principal has at least one of these roles."""
        return not self.roles.isdisjoint(roles)

    @property
    def has_country(self) -> bool:
        """Whether the scope is the whole country, by the rule of `covers`."""
        if self.scope is None:
            return self.has(Role.ADMIN)
        return self.scope.kind is ScopeKind.COUNTRY

    @cached_property
    def bank_partner_id(self) -> uuid.UUID | None:
        """The bank partner that a bank's engineer works for; None for everybody else."""
        if self.scope is None or self.scope.kind is not ScopeKind.BANK_PARTNER:
            return None
        return _uuid(self.scope.code)

    def covers(self, *, branch_code: str | None, region_code: str | None) -> bool:
        """Tell whether the scope contains this branch of this region.

        Without a scope an administrator has the whole country, and all others have nothing.
        """
        match self.scope:
            case None:
                return self.has(Role.ADMIN)
            case Scope(kind=ScopeKind.COUNTRY):
                return True
            case Scope(kind=ScopeKind.REGION, code=code):
                return code is not None and code == region_code
            case Scope(kind=ScopeKind.BRANCH, code=code):
                return code is not None and code == branch_code
        return False


def read_claims(claims: dict[str, Any]) -> Principal:
    """Return the principal of a token's claims.

    Raises: ValueError for invalid claims, for an office role beside that of a wadah: the powers of
    the office would reach what is the wadah's outside of the scope; for another role beside that of
    a bank's engineer, and for the scope of a bank partner without that role.
    """
    scope = claims.get("scope")
    roles = frozenset(Role(role) for role in claims.get("roles", []))
    if Role.WADAH_ADMIN in roles and not OFFICE_ROLES.isdisjoint(roles):
        raise ValueError("an administrator of a wadah has no office role")
    principal = Principal(
        account_id=uuid.UUID(claims["sub"]),
        roles=roles,
        agent_id=_uuid(claims.get("agent_id")),
        member_id=_uuid(claims.get("member_id")),
        wadah_id=_uuid(claims.get("wadah_id")),
        scope=Scope(ScopeKind(scope["kind"]), scope.get("code"), scope.get("region"))
        if scope
        else None,
        client_id=claims.get("client_id"),
        amr=tuple(claims.get("amr", ())),
        device_id=claims.get("device_id"),
        session_id=_uuid(claims.get("sid")),
    )
    if Role.BANK_ENGINEER in roles and len(roles) > 1:
        raise ValueError("a bank's engineer has no other role")
    if principal.bank_partner_id is not None and Role.BANK_ENGINEER not in roles:
        raise ValueError("only a bank's engineer works for a bank partner")
    return principal


def build_claims(principal: Principal) -> dict[str, Any]:
    """Return the claims of a principal; `read_claims` reads them back."""
    claims: dict[str, Any] = {
        "sub": principal.subject,
        "roles": sorted(principal.roles),
        "agent_id": _text(principal.agent_id),
        "member_id": _text(principal.member_id),
        "wadah_id": _text(principal.wadah_id),
        "client_id": principal.client_id,
        "amr": list(principal.amr),
        "device_id": principal.device_id,
        "sid": _text(principal.session_id),
    }
    if principal.scope is not None:
        scope = principal.scope
        claims["scope"] = {"kind": scope.kind, "code": scope.code, "region": scope.region}
    return {name: value for name, value in claims.items() if value is not None}


def _uuid(value: str | None) -> uuid.UUID | None:
    return None if value is None else uuid.UUID(value)


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)
