"""Rules of accounts, roles and scopes."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from perisai_kit.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
)
from perisai_kit.http.answers.etag import allows


class AccountKind(StrEnum):
    STAFF = "staff"
    PERSON = "person"


STAFF_ROLES = frozenset(
    {"wadah_admin", "branch_officer", "finance_officer", "auditor", "admin", "bank_engineer"}
)
SCOPED_ROLES = frozenset({"branch_officer", "finance_officer", "auditor"})
"""Roles that need a scope to see anything."""
ADMIN = "admin"
AGENT = "agent"
MEMBER = "member"
WADAH_ADMIN = "wadah_admin"
BANK_ENGINEER = "bank_engineer"
BANK_PARTNER = "bank_partner"
"""The kind of a bank engineer's scope."""


class AccountNotFound(NotFound):
    code = "account_not_found"
    text = "There is no such account, or you may not see it."
    text_id = "Akun tidak ditemukan, atau Anda tidak berwenang melihatnya."


class UsernameTaken(Conflict):
    code = "username_taken"
    text = "This username is already used. Choose another one."
    text_id = "Nama pengguna ini sudah dipakai. Pilih yang lain."


class LastAdmin(Conflict):
    code = "last_admin"
    text = "This is the last active administrator. Appoint another administrator first."
    text_id = "Ini administrator aktif terakhir. Tunjuk administrator lain terlebih dahulu."


class RolesNotAllowed(Invalid):
    code = "roles_not_allowed"
    text = "Only staff roles can be assigned, and only to staff accounts."
    text_id = "Hanya peran staf yang dapat diberikan, dan hanya kepada akun staf."


class RolesDoNotCombine(Invalid):
    code = "roles_do_not_combine"
    text = (
        "An administrator of a wadah has no other role and no scope, and a bank's engineer has no "
        "other role and no wadah. Create a second account for the other role."
    )
    text_id = (
        "Admin wadah tidak boleh punya peran lain atau cakupan, dan teknisi bank tidak boleh "
        "punya peran lain atau wadah. Buat akun kedua untuk peran lainnya."
    )


class AdminCountryOnly(Invalid):
    code = "admin_country_only"
    text = "An administrator works for the whole country. Choose the scope `country`."
    text_id = "Administrator bekerja untuk seluruh Indonesia. Pilih cakupan nasional (`country`)."


class BankEngineerScope(Invalid):
    code = "bank_engineer_scope"
    text = (
        "A bank's engineer works for one bank. Choose the scope `bank_partner` with the id of the "
        "bank partner; no other role has this scope."
    )
    text_id = (
        "Teknisi bank bekerja untuk satu bank. Pilih cakupan `bank_partner` dengan id bank "
        "mitranya; peran lain tidak memakai cakupan ini."
    )


class OwnAccount(Forbidden):
    code = "own_account"
    text = "You cannot administer your own account. Ask another administrator."
    text_id = "Anda tidak dapat mengelola akun sendiri. Minta bantuan administrator lain."


class AccountOutOfScope(Forbidden):
    code = "account_out_of_scope"
    text = "This account, or the scope that you chose for it, is outside of your own scope."
    text_id = "Akun ini, atau cakupan yang Anda pilih, berada di luar wilayah kewenangan Anda."


class ScopeInvalid(Invalid):
    code = "scope_invalid"
    text = (
        "A branch needs its code and its region, a region needs its code, a bank partner needs "
        "its id as code, and `country` needs neither."
    )
    text_id = (
        "Cakupan cabang perlu kode cabang dan wilayah, cakupan wilayah perlu kodenya, bank mitra "
        "perlu id-nya sebagai kode, nasional tidak perlu kode."
    )


class ScopeRequired(Invalid):
    code = "scope_required"
    text = "Branch officers, finance officers and auditors need a scope. Choose one."
    text_id = (
        "Petugas cabang, petugas keuangan, dan auditor perlu cakupan wilayah. Pilih cakupannya."
    )


class WadahRequired(Invalid):
    code = "wadah_required"
    text = "An administrator of a wadah needs a wadah_id."
    text_id = "Admin wadah memerlukan wadah_id."


class ScopeBranchUnknown(Invalid):
    code = "scope_branch_unknown"
    text = "There is no branch with this code. Open the branch first, or correct the code."
    text_id = "Tidak ada kantor cabang dengan kode ini. Buka dulu cabangnya, atau perbaiki kodenya."


class ScopeRegionDiffers(Invalid):
    """`details`: `region`, the code of the branch's region."""

    code = "scope_region_differs"
    text = "This branch belongs to another region. Correct the region."
    text_id = "Kantor cabang ini berada di wilayah lain. Perbaiki kode wilayahnya."


class ScopeRegionUnknown(Invalid):
    code = "scope_region_unknown"
    text = "No branch is in a region with this code. Correct the code."
    text_id = "Tidak ada kantor cabang di wilayah dengan kode ini. Perbaiki kodenya."


class AccountWadahUnknown(Invalid):
    code = "account_wadah_unknown"
    text = "There is no such wadah. Register the wadah first, or correct the wadah_id."
    text_id = "Wadah ini tidak ada. Daftarkan dulu wadahnya, atau perbaiki wadah_id."


class AccountBankPartnerUnknown(Invalid):
    code = "account_bank_partner_unknown"
    text = "There is no bank partner with this id. Register the bank first, or correct the id."
    text_id = "Tidak ada bank mitra dengan id ini. Daftarkan dulu banknya, atau perbaiki id-nya."


class NotAPerson(Conflict):
    code = "not_a_person"
    text = "Only the account of a person has a telephone number."
    text_id = "Hanya akun perorangan yang memiliki nomor telepon."


class PhoneTaken(Conflict):
    code = "phone_taken"
    text = "Another account without a member or an agent already has this number."
    text_id = "Nomor ini sudah dipakai akun lain yang bukan akun peserta atau agen."


class VersionChanged(PreconditionFailed):
    code = "account_changed"
    text = "The account was changed in the meantime. Read it again and repeat your change."
    text_id = "Data akun sudah diubah pihak lain. Muat ulang, lalu ulangi perubahan Anda."


def check_staff_roles(
    roles: Collection[str],
    *,
    scope_kind: str | None,
    scope_code: str | None,
    scope_region: str | None,
    wadah_id: uuid.UUID | None,
) -> None:
    """Refuse what a staff account cannot have.

    Since 28 November 2026 every administrator has the whole country, because an administrator of
    one branch could create accounts for the others. The administrator of a wadah sees the wadah's
    own, in whatever branch it is, and an office sees its scope: together, the powers of the office
    would reach what is the wadah's outside of the scope. A bank's engineer gets nothing but what is
    of the bank.
    Raises: RolesNotAllowed, RolesDoNotCombine, ScopeInvalid, BankEngineerScope, AdminCountryOnly,
    ScopeRequired, WadahRequired.
    """
    if not roles or not STAFF_ROLES.issuperset(roles):
        raise RolesNotAllowed(field="roles")
    _check_roles_alone(roles, scope_kind=scope_kind, wadah_id=wadah_id)
    given = (scope_code is not None, scope_region is not None)
    no_region = (True, False)
    fitting = {
        None: (False, False),
        "country": (False, False),
        "region": no_region,
        BANK_PARTNER: no_region,
    }
    if given != fitting.get(scope_kind, (True, True)):
        raise ScopeInvalid(field="scope")
    if (BANK_ENGINEER in roles) != (scope_kind == BANK_PARTNER):
        raise BankEngineerScope(field="scope")
    if ADMIN in roles and scope_kind != "country":
        raise AdminCountryOnly(field="scope")
    if scope_kind is None and not SCOPED_ROLES.isdisjoint(roles):
        raise ScopeRequired(field="scope")
    if WADAH_ADMIN in roles and wadah_id is None:
        raise WadahRequired(field="wadah_id")


def _check_roles_alone(
    roles: Collection[str], *, scope_kind: str | None, wadah_id: uuid.UUID | None
) -> None:
    if WADAH_ADMIN in roles and (scope_kind is not None or len(roles) > 1):
        raise RolesDoNotCombine(field="roles")
    if BANK_ENGINEER in roles and (wadah_id is not None or len(roles) > 1):
        raise RolesDoNotCombine(field="roles")


def check_version(if_match: str, version: int) -> None:
    """Refuse an update that is based on an older version.

    Raises: VersionChanged.
    """
    if not allows(if_match, version):
        raise VersionChanged


@dataclass(frozen=True, slots=True)
class AccountScope:
    """The scope of an account; empty if `kind` is None."""

    kind: str | None = None
    code: str | None = None
    region: str | None = None


COUNTRY = AccountScope("country")


@dataclass(frozen=True, slots=True)
class Offices:
    """What other services know of the scope and the wadah that an account is to have.

    region_of_branch: None if there is no such branch. has_region, has_wadah, has_bank_partner:
    whether there are.
    """

    region_of_branch: str | None = None
    has_region: bool = False
    has_wadah: bool = False
    has_bank_partner: bool = False


def check_offices(scope: AccountScope, *, wadah_id: uuid.UUID | None, offices: Offices) -> None:
    """Refuse a scope or a wadah that does not exist.

    Raises: ScopeBranchUnknown, ScopeRegionDiffers, ScopeRegionUnknown, AccountBankPartnerUnknown,
    AccountWadahUnknown.
    """
    if scope.kind == "branch":
        if offices.region_of_branch is None:
            raise ScopeBranchUnknown(field="scope.code")
        if offices.region_of_branch != scope.region:
            raise ScopeRegionDiffers(field="scope.region", region=offices.region_of_branch)
    if scope.kind == "region" and not offices.has_region:
        raise ScopeRegionUnknown(field="scope.code")
    if scope.kind == BANK_PARTNER and not offices.has_bank_partner:
        raise AccountBankPartnerUnknown(field="scope.code")
    if wadah_id is not None and not offices.has_wadah:
        raise AccountWadahUnknown(field="wadah_id")


def is_within(inner: AccountScope, outer: AccountScope) -> bool:
    """Tell whether one scope lies inside another. No scope lies only inside the country."""
    match outer.kind:
        case "country":
            return True
        case "region":
            region = {"region": inner.code, "branch": inner.region}.get(inner.kind or "")
            return outer.code is not None and region == outer.code
        case "branch":
            return outer.code is not None and (inner.kind, inner.code) == ("branch", outer.code)
    return False


def check_may_change(
    *,
    actor_id: uuid.UUID,
    account_id: uuid.UUID | None,
    actor: AccountScope,
    scopes: Collection[AccountScope],
) -> None:
    """Refuse a change of the actor's own account, or outside of the actor's scope.

    account_id: None for a new account. scopes: of the account before and after the change.
    Raises: OwnAccount, AccountOutOfScope.
    """
    if account_id == actor_id:
        raise OwnAccount
    if not all(is_within(scope, actor) for scope in scopes):
        raise AccountOutOfScope
