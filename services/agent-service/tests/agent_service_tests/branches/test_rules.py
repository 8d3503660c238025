import pytest

from agent_service.branches import rules


@pytest.mark.parametrize(("is_admin", "for_country"), [(True, False), (False, True)])
def test_an_administrator_or_a_country_officer_opens_a_branch(
    is_admin: bool, for_country: bool
) -> None:
    rules.check_may_open(is_admin=is_admin, for_country=for_country)  # raises when refused


def test_other_roles_do_not_open_a_branch() -> None:
    with pytest.raises(rules.NotForTheCountry):
        rules.check_may_open(is_admin=False, for_country=False)
