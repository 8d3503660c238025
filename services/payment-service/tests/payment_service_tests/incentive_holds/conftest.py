"""Officers who decide on what is held."""

from collections.abc import Callable

import pytest

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens


@pytest.fixture
def officer(tokens: Tokens) -> Callable[[], dict[str, str]]:
    """Another finance officer of the country each time."""
    country = {"kind": ScopeKind.COUNTRY}
    return lambda: tokens.make(Role.FINANCE_OFFICER, scope=country, account_id=new_id())
