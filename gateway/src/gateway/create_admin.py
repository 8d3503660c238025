"""Create the first administrator: `python -m gateway.create_admin NAME`, password on stdin."""

import asyncio
import sys

from pydantic import ValidationError

from gateway.accounts import service
from gateway.accounts.rules import Offices, UsernameTaken
from gateway.accounts.schemas import NewScope, NewStaff
from gateway.passwords import HashCost, PasswordHasUsername, PasswordTooCommon
from gateway.settings import Settings
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.keyring import Keyring


async def create_admin(database: Database, *, username: str, password: str, cost: HashCost) -> None:
    """Create an administrator for the whole country. The history of the account has no author.

    Raises: UsernameTaken, PasswordTooCommon, PasswordHasUsername, ValidationError.
    """
    new = NewStaff(
        username=username,
        password=password,
        display_label=username,
        roles=frozenset({Role.ADMIN}),
        scope=NewScope(kind=ScopeKind.COUNTRY),
    )
    async with database.begin() as session:
        await service.create_staff(
            session, new, by=None, offices=Offices(), now=clock.real_now(), cost=cost
        )


async def _run(username: str, password: str) -> str | None:
    settings = Settings.from_env()
    database = Database.from_settings(settings, keyring=Keyring.from_settings(settings))
    try:
        await create_admin(database, username=username, password=password, cost=settings.hash_cost)
    except UsernameTaken:
        return f"There is already an account named {username}; nothing was changed."
    except (PasswordTooCommon, PasswordHasUsername) as refused:
        return f"Not accepted: {refused.text}"
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors()})
        return f"Not accepted: {', '.join(wrong)}. A password has 12 to 128 characters."
    finally:
        await database.dispose()
    return None


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 created, 1 refused, 2 wrong use."""
    if len(arguments) != 1:
        sys.stderr.write("Usage: python -m gateway.create_admin NAME  (password on stdin)\n")
        return 2
    refused = asyncio.run(_run(arguments[0], sys.stdin.readline().rstrip("\r\n")))
    if refused is not None:
        sys.stderr.write(f"{refused}\n")
        return 1
    sys.stdout.write(f"Administrator {arguments[0]} created.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
