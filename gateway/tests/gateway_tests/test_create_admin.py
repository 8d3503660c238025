"""The command that makes the first administrator, as a person runs it."""

import os
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import select

from gateway.accounts.models import Account
from perisai_kit.testing.plugin import Urls

PASSWORD = "correct horse battery"


@pytest.fixture
def run(urls: Urls, test_secrets: dict[str, str]) -> Any:
    environment = {
        **os.environ,
        "PERISAI_GATEWAY_DATABASE_URL": urls.app,
        "PERISAI_GATEWAY_DATA_KEYS": test_secrets["data_keys"],
        "PERISAI_GATEWAY_LOOKUP_KEY": test_secrets["lookup_key"],
        "PERISAI_GATEWAY_SERVICE_CLIENTS": "{}",
        "PERISAI_GATEWAY_URL": "http://gateway",
        "PERISAI_AGENT_URL": "http://agent",
        "PERISAI_MEMBER_URL": "http://member",
        "PERISAI_PAYMENT_URL": "http://payment",
        "PERISAI_ISSUER": "https://perisai.test",
        "PERISAI_SANDBOX": "1",
        "PERISAI_GATEWAY_PASSWORD_HASH_KIB": "8",
        "PERISAI_GATEWAY_PASSWORD_HASH_PASSES": "1",
    }

    def run(*arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway.create_admin", *arguments],
            input=f"{password}\n",
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=60,
        )

    return run


async def test_it_creates_an_administrator_once(run: Any, gateway: Any) -> None:
    created = run("boss")
    again = run("boss", password="quite another password")

    async with gateway.parts.database.read() as session:
        account = (await session.scalars(select(Account))).one()
    signed_in = await gateway.token(grant_type="password", username="boss", password=PASSWORD)
    assert created.returncode == 0, created.stderr
    assert (account.roles, account.scope_kind) == (["admin"], "country")
    assert again.returncode == 1
    assert again.stderr.splitlines() == [
        "There is already an account named boss; nothing was changed."
    ]
    assert signed_in.status_code == 200
    (row,) = await gateway.history(account.id)
    assert (row["change"], row["source"]) == ("created", "command_line")
    assert (row["author_id"], row["reason"]) == (None, None)


def test_it_takes_no_password_that_is_easy_to_guess(run: Any) -> None:
    common, named = run("boss", password="password1234"), run("boss", password="the-Boss-of-it-all")

    assert (common.returncode, named.returncode) == (1, 1)
    assert common.stderr.startswith("Not accepted: This password is too easy to guess")
    assert named.stderr == "Not accepted: The password must not contain the username.\n"


def test_it_says_in_one_line_what_it_does_not_accept(run: Any) -> None:
    short = run("boss", password="short")
    nameless = run()

    assert (short.returncode, nameless.returncode) == (1, 2)
    assert short.stderr == "Not accepted: password. A password has 12 to 128 characters.\n"
    assert nameless.stderr.startswith("Usage:")
