"""Each database has its own two roles, and no role gets into another database.

Tried on what the sandbox makes and on what deploy/postgres-init.sh makes for containers.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import asyncpg
import pytest

from sandbox import binaries
from sandbox.postgres import Postgres
from sandbox.roles import Role, get_login

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy" / "postgres-init.sh"
DATABASES = ("gateway", "agent", "member", "payment")
ROLES: tuple[Role, ...] = ("app", "owner")
WithCluster = Callable[[Path], Path]
LOGINS = [(role, database) for role in ROLES for database in DATABASES]


def run_script(server: Postgres, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    superuser = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGPASSWORD": password_of(server, "superuser", "postgres"),
    }
    programs = f"{binaries.installed() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", SCRIPT],
        env={
            "PATH": programs,
            "LC_ALL": "C",
            "PERISAI_DATABASES": " ".join(DATABASES),
            **superuser,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def password_of(server: Postgres, role: Role, database: str) -> str:
    return server.url(database, role).partition("://")[2].partition("@")[0].partition(":")[2]


def passwords(server: Postgres) -> dict[str, str]:
    return {
        f"PERISAI_{database.upper()}_{role.upper()}_PASSWORD": password_of(server, role, database)
        for role, database in LOGINS
    }


@pytest.fixture(scope="module", params=["sandbox", "containers"])
def server(
    request: pytest.FixtureRequest, in_memory: Callable[[str], Path], with_cluster: WithCluster
) -> Iterator[Postgres]:
    with Postgres(with_cluster(in_memory("roles")), fsync=False) as running:
        if request.param == "sandbox":
            for database in DATABASES:
                running.ensure_database(database)
        else:
            done = run_script(running, passwords(running))
            assert (done.returncode, done.stderr) == (0, "")
        yield running


def url(server: Postgres, role: Role, of: str, database: str) -> str:
    return server.url(database, role, roles_of=of)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_connect_to_its_own_database_only(server: Postgres, role: Role) -> None:
    entered = []
    for of, database in product(DATABASES, (*DATABASES, "postgres", "template1")):
        try:
            connection = await asyncpg.connect(url(server, role, of, database))
        except asyncpg.InsufficientPrivilegeError:
            continue
        await connection.close()
        entered.append((of, database))

    assert entered == [(each, each) for each in DATABASES]


@pytest.mark.parametrize(("role", "of"), LOGINS)
async def test_a_role_is_let_in_with_its_own_password_only(
    server: Postgres, role: Role, of: str
) -> None:
    own = password_of(server, role, of)
    others = {password_of(server, *each) for each in LOGINS} - {own}
    address = url(server, role, of, of)

    assert len(others) == len(LOGINS) - 1
    for wrong in (*others, "guess"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(address.replace(own, wrong))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(address.replace(f":{own}", ""), passfile="/nonexistent")


def test_transactions_of_services_are_ended_and_those_of_owners_are_not(server: Postgres) -> None:
    limited = server.query(
        "postgres",
        "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles"
        " WHERE 'transaction_timeout=60s' = ANY (rolconfig)",
    )

    assert limited.split() == sorted(f"{each}_app" for each in DATABASES)


def test_nobody_is_let_in_without_a_password(server: Postgres) -> None:
    methods = server.query("postgres", "SELECT DISTINCT auth_method FROM pg_hba_file_rules")

    assert methods == "scram-sha-256"


@pytest.mark.parametrize(("role", "of"), LOGINS)
async def test_a_role_cannot_become_another_or_make_one(
    server: Postgres, role: Role, of: str
) -> None:
    others = [get_login(*each) for each in LOGINS if each != (role, of)]
    own = get_login(role, of)
    connection = await asyncpg.connect(url(server, role, of, of))
    try:
        for refused in (
            *(f"SET ROLE {other}" for other in (*others, "postgres", "pg_read_all_data")),
            *(f"GRANT {other} TO {own}" for other in others),
            *(f"ALTER ROLE {other} PASSWORD 'x'" for other in (*others, "postgres")),
            f"ALTER ROLE {own} SUPERUSER",
            "CREATE ROLE mine",
            "CREATE DATABASE mine",
            "CREATE EXTENSION dblink",
            "SELECT pg_read_file('postgresql.conf')",
            "COPY (SELECT 1) TO PROGRAM 'cat'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
    finally:
        await connection.close()


@pytest.mark.parametrize("of", DATABASES)
async def test_a_running_service_cannot_make_or_change_a_table(server: Postgres, of: str) -> None:
    owner = await asyncpg.connect(url(server, "owner", of, of))
    await owner.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)")
    app = await asyncpg.connect(url(server, "app", of, of))
    try:
        for refused in (
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SELECT * FROM kept",
            "INSERT INTO kept VALUES (2)",
            "UPDATE kept SET id = 3",
            "DELETE FROM kept",
            "ALTER TABLE kept ADD COLUMN more int",
            "DROP TABLE kept",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(refused)
        kept = await owner.fetchval("SELECT array_agg(id) FROM kept")
    finally:
        await app.close()
        await owner.execute("DROP TABLE kept")
        await owner.close()

    assert kept == [1]


def test_the_script_takes_passwords_from_files(tmp_path: Path, with_cluster: WithCluster) -> None:
    with Postgres(with_cluster(tmp_path / "postgres"), fsync=False) as running:
        variables = {}
        for name, word in passwords(running).items():
            (tmp_path / name).write_text(f"{word}\n")
            variables[f"{name}_FILE"] = str(tmp_path / name)

        done = run_script(running, variables)
        made = running.query("postgres", "SELECT count(*) FROM pg_roles WHERE rolcanlogin")

    assert (done.returncode, done.stderr) == (0, "")
    assert made == str(1 + len(LOGINS))


def test_the_script_names_a_password_that_is_missing_and_makes_nothing(
    tmp_path: Path, with_cluster: WithCluster
) -> None:
    with Postgres(with_cluster(tmp_path / "postgres"), fsync=False) as running:
        variables = passwords(running)
        del variables["PERISAI_PAYMENT_APP_PASSWORD"]

        done = run_script(running, variables)
        made = running.query("postgres", "SELECT count(*) FROM pg_roles WHERE rolcanlogin")

    assert done.returncode != 0
    assert done.stderr == (
        "postgres-init: PERISAI_PAYMENT_APP_PASSWORD or PERISAI_PAYMENT_APP_PASSWORD_FILE"
        " must be set.\n"
    )
    assert made == "1"
