"""Who may have which account, role and scope."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perisai_kit.errors import (
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
)
from perisai_kit.etag import allows


class AccountKind(StrEnum):
    STAFF = "staff"
    PERSON = "person"


STAFF_ROLES = frozenset({"wadah_admin", "branch_officer", "finance_officer", "auditor", "admin"})
ADMIN = "admin"
AGENT = "agent"
MEMBER = "member"


class AccountNotFound(NotFound):
    code = "account_not_found"
    text = "There is no such account."
    text_id = "Akun tidak ditemukan."


class UsernameTaken(Conflict):
    code = "username_taken"
    text = "Another account has this username."
    text_id = "Nama pengguna ini sudah dipakai akun lain."


class LastAdmin(Conflict):
    code = "last_admin"
    text = "This is the last administrator who can sign in; appoint another one first."
    text_id = "Ini administrator terakhir yang masih dapat masuk; tunjuk yang lain lebih dahulu."


class RolesNotAllowed(Invalid):
    code = "roles_not_allowed"
    text = "An administrator gives staff roles to staff accounts; others follow from the facts."
    text_id = "Administrator hanya memberi peran staf kepada akun staf; peran lain mengikuti fakta."


class ScopeInvalid(Invalid):
    code = "scope_invalid"
    text = "A branch needs its code and region, a region its code, the country neither."
    text_id = "Cabang memerlukan kode dan wilayahnya, wilayah kodenya, nasional tidak keduanya."


class ScopeRequired(Invalid):
    code = "scope_required"
    text = "A branch officer needs a scope."
    text_id = "Petugas cabang memerlukan cakupan wilayah."


class WadahRequired(Invalid):
    code = "wadah_required"
    text = "An administrator of a wadah needs the wadah's id."
    text_id = "Admin wadah memerlukan id wadah."


class NotAPerson(Conflict):
    code = "not_a_person"
    text = "Only a person's account has a telephone number."
    text_id = "Hanya akun perorangan yang memiliki nomor telepon."


class PhoneTaken(Conflict):
    code = "phone_taken"
    text = "Another account without a member has this number."
    text_id = "Nomor ini sudah dipakai akun lain yang belum menjadi peserta."


class VersionMissing(PreconditionRequired):
    code = "if_match_required"
    text = "Send If-Match with the ETag you read."
    text_id = "Kirim If-Match dengan ETag yang Anda baca."


class VersionChanged(PreconditionFailed):
    code = "account_changed"
    text = "The account was changed meanwhile; read it again."
    text_id = "Akun telah berubah; baca kembali lebih dahulu."


def check_staff_roles(
    roles: Collection[str],
    *,
    scope_kind: str | None,
    scope_code: str | None,
    scope_region: str | None,
    wadah_id: uuid.UUID | None,
) -> None:
    """Refuse what a staff account cannot have.

    Raises: RolesNotAllowed, ScopeInvalid, ScopeRequired, WadahRequired.
    """
    if not roles or not STAFF_ROLES.issuperset(roles):
        raise RolesNotAllowed(field="roles")
    given = (scope_code is not None, scope_region is not None)
    fitting = {None: (False, False), "country": (False, False), "region": (True, False)}
    if given != fitting.get(scope_kind, (True, True)):
        raise ScopeInvalid(field="scope")
    if "branch_officer" in roles and scope_kind is None:
        raise ScopeRequired(field="scope")
    if "wadah_admin" in roles and wadah_id is None:
        raise WadahRequired(field="wadah_id")


def check_version(if_match: str | None, version: int) -> None:
    """Refuse an update by somebody who has not seen the present version.

    Raises: VersionMissing, VersionChanged.
    """
    if if_match is None:
        raise VersionMissing
    if not allows(if_match, version):
        raise VersionChanged


@dataclass(frozen=True, slots=True)
class Known:
    """An account that a telephone number may lead to."""

    account_id: uuid.UUID
    member_id: uuid.UUID | None
    is_agent: bool
    has_phone: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a telephone number signs in to.

    keep: accounts as they are. attach: the account without a member, and the member it becomes.
    create: members who get an account now. create_empty: an account without any role is made.
    """

    keep: tuple[uuid.UUID, ...] = ()
    attach: tuple[uuid.UUID, uuid.UUID] | None = None
    create: tuple[uuid.UUID, ...] = ()
    create_empty: bool = False


def people_of_phone(known: Sequence[Known], members: Sequence[uuid.UUID] | None) -> Choice:
    """Decide which accounts a proven telephone number leads to.

    known: accounts of this number or of one of these members. members: who has this number
    according to member-service; None when it did not answer, and then the accounts speak alone.
    A member's account follows the member's number: numbers are given to others. An agent's does
    not; his application proved the number, and whoever may edit a member must not become an agent.
    """
    if members is None:
        keep = tuple(each.account_id for each in known if each.has_phone)
        return Choice(keep=keep, create_empty=not keep)
    empty = [each for each in known if each.member_id is None]
    having = {each.member_id for each in known}
    missing = tuple(member_id for member_id in members if member_id not in having)
    attach = None
    if len(members) == 1 and missing and empty:
        attach, missing = (empty[0].account_id, members[0]), ()
    keep = tuple(each.account_id for each in known if _leads_to(each, members))
    return Choice(keep=keep, attach=attach, create=missing, create_empty=not keep and not missing)


def _leads_to(known: Known, members: Sequence[uuid.UUID]) -> bool:
    if known.member_id is None or known.is_agent:
        return known.has_phone
    return known.member_id in members
