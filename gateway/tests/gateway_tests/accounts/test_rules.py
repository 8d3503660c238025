import uuid

import pytest

from gateway.accounts.rules import (
    COUNTRY,
    AccountOutOfScope,
    AccountScope,
    AdminCountryOnly,
    BankEngineerScope,
    OwnAccount,
    RolesDoNotCombine,
    RolesNotAllowed,
    ScopeInvalid,
    ScopeRequired,
    VersionChanged,
    WadahRequired,
    check_may_change,
    check_staff_roles,
    check_version,
)
from perisai_kit.domain.errors import DomainError

WADAH = uuid.UUID(int=1)
PARTNER = ("bank_partner", str(uuid.UUID(int=2)), None)


@pytest.mark.parametrize(
    ("roles", "scope", "wadah_id", "error"),
    [
        ({"agent"}, (None, None, None), None, RolesNotAllowed),
        (set(), (None, None, None), None, RolesNotAllowed),
        ({"branch_officer"}, (None, None, None), None, ScopeRequired),
        ({"finance_officer"}, (None, None, None), None, ScopeRequired),
        ({"auditor"}, (None, None, None), None, ScopeRequired),
        ({"auditor", "wadah_admin"}, (None, None, None), WADAH, RolesDoNotCombine),
        *(
            ({role, "wadah_admin"}, ("country", None, None), WADAH, RolesDoNotCombine)
            for role in ("branch_officer", "finance_officer", "auditor", "admin")
        ),
        ({"wadah_admin"}, ("branch", "banyuwangi", "jatim"), WADAH, RolesDoNotCombine),
        ({"admin"}, ("branch", "banyuwangi", None), None, ScopeInvalid),
        ({"admin"}, ("region", None, None), None, ScopeInvalid),
        ({"admin"}, ("country", "x", None), None, ScopeInvalid),
        ({"admin"}, (None, "x", None), None, ScopeInvalid),
        ({"wadah_admin"}, (None, None, None), None, WadahRequired),
        ({"admin"}, ("region", "jatim", None), None, AdminCountryOnly),
        ({"admin", "auditor"}, (None, None, None), None, AdminCountryOnly),
        ({"bank_engineer"}, (None, None, None), None, BankEngineerScope),
        ({"bank_engineer"}, ("country", None, None), None, BankEngineerScope),
        ({"bank_engineer"}, ("branch", "banyuwangi", "jatim"), None, BankEngineerScope),
        ({"bank_engineer"}, ("bank_partner", None, None), None, ScopeInvalid),
        ({"bank_engineer"}, ("bank_partner", "x", "jatim"), None, ScopeInvalid),
        ({"bank_engineer"}, PARTNER, WADAH, RolesDoNotCombine),
        *(
            ({role, "bank_engineer"}, PARTNER, None, RolesDoNotCombine)
            for role in ("branch_officer", "finance_officer", "auditor", "admin", "wadah_admin")
        ),
        *(
            ({role}, PARTNER, None, BankEngineerScope)
            for role in ("branch_officer", "finance_officer", "auditor", "admin")
        ),
    ],
)
def test_what_staff_cannot_have(
    roles: set[str],
    scope: tuple[str | None, str | None, str | None],
    wadah_id: uuid.UUID | None,
    error: type[DomainError],
) -> None:
    kind, code, region = scope

    with pytest.raises(error):
        check_staff_roles(
            roles, scope_kind=kind, scope_code=code, scope_region=region, wadah_id=wadah_id
        )


def test_a_branch_officer_of_a_branch_is_fine() -> None:
    check_staff_roles(
        {"branch_officer"},
        scope_kind="branch",
        scope_code="banyuwangi",
        scope_region="jatim",
        wadah_id=None,
    )


def test_roles_of_offices_go_together_and_a_wadah_has_an_administrator_of_its_own() -> None:
    check_staff_roles(
        {"branch_officer", "finance_officer"},
        scope_kind="region",
        scope_code="jatim",
        scope_region=None,
        wadah_id=None,
    )
    check_staff_roles(
        {"wadah_admin"}, scope_kind=None, scope_code=None, scope_region=None, wadah_id=WADAH
    )


def test_a_bank_has_an_engineer_of_its_own() -> None:
    kind, code, region = PARTNER

    check_staff_roles(
        {"bank_engineer"}, scope_kind=kind, scope_code=code, scope_region=region, wadah_id=None
    )


def test_an_update_names_the_version_it_saw() -> None:
    check_version('"3"', 3)
    check_version("*", 3)

    with pytest.raises(VersionChanged):
        check_version('"2"', 3)


ME, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
BRANCH = AccountScope("branch", "banyuwangi", "jatim")
REGION = AccountScope("region", "jatim")


def test_a_change_stays_within_the_own_scope_before_and_after() -> None:
    check_may_change(actor_id=ME, account_id=OTHER, actor=REGION, scopes=[BRANCH, REGION])

    engineer = AccountScope(*PARTNER)
    for scopes in ([COUNTRY, BRANCH], [BRANCH, COUNTRY], [AccountScope()], [engineer]):
        with pytest.raises(AccountOutOfScope):
            check_may_change(actor_id=ME, account_id=OTHER, actor=REGION, scopes=scopes)


def test_nobody_changes_the_own_account_not_even_for_the_whole_country() -> None:
    with pytest.raises(OwnAccount):
        check_may_change(actor_id=ME, account_id=ME, actor=COUNTRY, scopes=[BRANCH])
