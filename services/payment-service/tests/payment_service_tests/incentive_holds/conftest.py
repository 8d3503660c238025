"""Facts of months and their closing, and officers who decide on what is held."""

from collections.abc import Callable

import pytest
from payment_service_tests.incentive_statements.conftest import close, faults, read_all, tell

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

__all__ = ["close", "faults", "officer", "read_all", "tell"]


@pytest.fixture
def officer(tokens: Tokens) -> Callable[[], dict[str, str]]:
    """Another finance officer of the country each time."""
    country = {"kind": ScopeKind.COUNTRY}
    return lambda: tokens.make(Role.FINANCE_OFFICER, scope=country, account_id=new_id())
