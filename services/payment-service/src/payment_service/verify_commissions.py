"""`perisai-verify-commissions --month 2026-10`: compute a closed month a second time and compare.

It reads PERISAI_PAYMENT_DATABASE_URL, also from PERISAI_SECRETS_DIR: the address for the role that
runs the service. The result is printed, and stored with the month. The exit code is 0 if the
second computation agrees, 1 if it differs, 2 if the month is not closed, and 3 if it found nothing
but had to leave out what is just being computed. It can run while the service runs, and blocks
nothing.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from payment_service.verifications import service
from payment_service.verifications.models import MonthVerification
from payment_service.verifications.rules import MonthOpen, Verified
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.runtime.settings import Secret, find_secrets_folder

NAME = "perisai-verify-commissions"
UNUSABLE = 2
EXIT_CODES = {Verified.AGREES: 0, Verified.DIFFERS: 1, Verified.PENDING: 3}
PARTS = 10_000


class VerificationSettings(BaseSettings):
    """The settings of the command."""

    model_config = SettingsConfigDict(
        env_prefix="PERISAI_PAYMENT_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    database_url: Secret


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(prog=NAME, description=__doc__)
    parser.add_argument("--month", required=True, type=Month.parse, help="such as 2026-10")
    month: Month = parser.parse_args(arguments).month
    try:
        settings = VerificationSettings(_secrets_dir=find_secrets_folder(NAME))
    except ValidationError:
        _refuse("the variable PERISAI_PAYMENT_DATABASE_URL is missing.")
    try:
        made = asyncio.run(_verify(settings.database_url.get_secret_value(), month))
    except MonthOpen:
        _refuse(f"{month} is not closed.")
    sys.stdout.writelines(f"{line}\n" for line in describe(made))
    sys.exit(EXIT_CODES[made.verdict])


async def _verify(url: str, month: Month) -> MonthVerification:
    database = Database(url, pool_size=1)
    try:
        return await service.verify(database, month)
    finally:
        await database.dispose()


def describe(made: MonthVerification) -> Iterator[str]:
    """Return a result as lines, without personal data."""
    yield (
        f"{made.month}: "
        + {
            Verified.DIFFERS: f"{made.difference_count} differences",
            Verified.PENDING: "the verification found nothing, but is not whole yet",
            Verified.AGREES: "the verification agrees",
        }[made.verdict]
    )
    yield (
        f"  {made.line_count:,} lines of {made.allocation_count:,} allocations:"
        f" {_rupiah(made.booked_parts)} booked, {_rupiah(made.computed_parts)} computed"
    )
    yield (
        f"  {made.statement_count:,} statements, {made.transfer_count:,} transfers:"
        f" Rp {made.stated_amount:,} stated, Rp {made.computed_amount:,} computed"
    )
    if made.left_out_count:
        yield f"  {made.left_out_count:,} allocations were left out: they are being computed"
    for each in made.differences:
        where = " ".join(f"{name}={value}" for name, value in each["place"].items())
        yield f"  {each['name']}: booked {each['booked']}, computed {each['computed']}; {where}"
    if more := made.difference_count - len(made.differences):
        yield f"  and {more:,} more"


def _rupiah(parts: int) -> str:
    whole, rest = divmod(abs(parts), PARTS)
    return f"Rp {'-' if parts < 0 else ''}{whole:,}.{rest:04}"


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{NAME}: {why}\n")
    sys.exit(UNUSABLE)


if __name__ == "__main__":
    main()
