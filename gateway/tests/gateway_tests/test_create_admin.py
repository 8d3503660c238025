"""The command that makes the first administrator, as a person runs it."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from gateway.accounts.models import Account
from gateway.create_admin import main
from perisai_kit.testing.plugin import Urls

PASSWORD = "correct horse battery"


@pytest.fixture
def environment(urls: Urls, test_secrets: dict[str, str]) -> dict[str, str]:
    return {
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


@pytest.fixture
def run(environment: dict[str, str]) -> Any:
    """Run the command in a process, which takes two seconds of processor time to import."""

    def run(*arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway.create_admin", *arguments],
            input=f"{password}\n",
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def run_here(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Run the command in this process; return its exit code and what it says on stderr."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, password: str = PASSWORD) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
        with ThreadPoolExecutor(1) as thread:  # it runs an event loop of its own
            code = thread.submit(main, list(arguments)).result()
        return code, capsys.readouterr().err

    return run


async def test_it_creates_an_administrator_once(run: Any, run_here: Any, gateway: Any) -> None:
    created = run("boss")
    again, said = run_here("boss", password="quite another password")

    async with gateway.parts.database.read() as session:
        account = (await session.scalars(select(Account))).one()
    signed_in = await gateway.token(grant_type="password", username="boss", password=PASSWORD)
    assert created.returncode == 0, created.stderr
    assert (account.roles, account.scope_kind) == (["admin"], "country")
    assert again == 1
    assert said == "There is already an account named boss; nothing was changed.\n"
    assert signed_in.status_code == 200
    (row,) = await gateway.history(account.id)
    assert (row["change"], row["source"]) == ("created", "command_line")
    assert (row["author_id"], row["reason"]) == (None, None)


def test_it_takes_no_password_that_is_easy_to_guess(run_here: Any) -> None:
    code, said = run_here("boss", password="password1234")

    assert code == 1
    assert said.startswith("Not accepted: This password is too easy to guess")
    assert run_here("boss", password="the-Boss-of-it-all") == (
        1,
        "Not accepted: The password must not contain the username.\n",
    )


def test_it_says_in_one_line_what_it_does_not_accept(run_here: Any) -> None:
    code, said = run_here()

    assert run_here("boss", password="short") == (
        1,
        "Not accepted: password. A password has 12 to 128 characters.\n",
    )
    assert code == 2
    assert said.startswith("Usage:")
