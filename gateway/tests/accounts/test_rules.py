import uuid

import pytest

from gateway.accounts.rules import (
    Choice,
    Known,
    RolesNotAllowed,
    ScopeInvalid,
    ScopeRequired,
    VersionChanged,
    VersionMissing,
    WadahRequired,
    check_staff_roles,
    check_version,
    people_of_phone,
)
from perisai_kit.errors import DomainError

A, B = uuid.UUID(int=1), uuid.UUID(int=2)
SITI, BUDI = uuid.UUID(int=11), uuid.UUID(int=12)


def known(
    account_id: uuid.UUID = A,
    member_id: uuid.UUID | None = None,
    *,
    is_agent: bool = False,
    has_phone: bool = True,
) -> Known:
    return Known(account_id, member_id, is_agent, has_phone)


@pytest.mark.parametrize(
    ("accounts", "members", "choice"),
    [
        # Nobody is known: an account without roles.
        ([], [], Choice(create_empty=True)),
        ([], None, Choice(create_empty=True)),
        # Members without accounts get them.
        ([], [SITI, BUDI], Choice(create=(SITI, BUDI))),
        # An applicant who is the only member of his number becomes that member.
        ([known()], [SITI], Choice(keep=(A,), attach=(A, SITI))),
        # With two members nobody knows which one he is.
        ([known()], [SITI, BUDI], Choice(keep=(A,), create=(SITI, BUDI))),
        # A member's account follows the member's number.
        ([known(A, SITI, has_phone=False)], [SITI], Choice(keep=(A,))),
        ([known(A, SITI)], [], Choice(create_empty=True)),
        # An agent's does not.
        ([known(A, SITI, is_agent=True)], [], Choice(keep=(A,))),
        (
            [known(A, SITI, is_agent=True, has_phone=False)],
            [SITI],
            Choice(create_empty=True),
        ),
        # Without member-service the accounts of the number speak alone.
        ([known(A, SITI), known(B, BUDI)], None, Choice(keep=(A, B))),
    ],
)
def test_whom_a_number_leads_to(
    accounts: list[Known], members: list[uuid.UUID] | None, choice: Choice
) -> None:
    assert people_of_phone(accounts, members) == choice


@pytest.mark.parametrize(
    ("roles", "scope", "wadah_id", "error"),
    [
        ({"agent"}, (None, None, None), None, RolesNotAllowed),
        (set(), (None, None, None), None, RolesNotAllowed),
        ({"branch_officer"}, (None, None, None), None, ScopeRequired),
        ({"admin"}, ("branch", "banyuwangi", None), None, ScopeInvalid),
        ({"admin"}, ("region", None, None), None, ScopeInvalid),
        ({"admin"}, ("country", "x", None), None, ScopeInvalid),
        ({"admin"}, (None, "x", None), None, ScopeInvalid),
        ({"wadah_admin"}, (None, None, None), None, WadahRequired),
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


def test_an_update_names_the_version_it_saw() -> None:
    check_version('"3"', 3)
    check_version("*", 3)

    with pytest.raises(VersionMissing):
        check_version(None, 3)
    with pytest.raises(VersionChanged):
        check_version('"2"', 3)
