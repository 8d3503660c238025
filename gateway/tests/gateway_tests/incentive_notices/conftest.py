"""The account of an agent, and those of administrators of a wadah."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from gateway_tests.incentive_facts import PHONE, WADAH, appoint

from gateway.accounts.models import Account
from perisai_kit.auth.principal import Role


@pytest.fixture
async def agent(gateway: Any) -> uuid.UUID:
    """The account of an agent, with a telephone."""
    account_id = uuid.UUID((await gateway.otp_session(PHONE))["account_id"])
    await appoint(gateway, account_id)
    return account_id


@pytest.fixture
def add_admin(gateway: Any) -> Callable[..., Any]:
    """Make an administrator of the wadah: `await add_admin("name", email=…)`."""

    async def add(name: str, *, email: str | None = None, wadah_id: uuid.UUID = WADAH) -> Account:
        account = await gateway.staff(name, role=Role.WADAH_ADMIN, scope=None)
        assert isinstance(account, Account)
        async with gateway.parts.database.begin() as session:
            session.add(account)
            account.wadah_id, account.email = wadah_id, email
        return account

    return add
