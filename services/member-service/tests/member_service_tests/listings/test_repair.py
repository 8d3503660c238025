"""What the version before judged or handed over is listed rightly after the next repair."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from member_service_tests.allocations.test_service import TODAY, payment, take
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import text

from member_service.listings.tasks import ListingTasks
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]

AS_THE_VERSION_BEFORE = (
    "UPDATE members SET unpaid_months = NULL WHERE paid_through IS NOT NULL",
    "UPDATE attribution_periods SET first_unpaid = NULL, ends_on = NULL, end_reason = NULL,"
    " unpaid_months = NULL, is_state_known = false",
)
COPIES = text(
    "SELECT first_unpaid, ends_on::text, end_reason, unpaid_months, is_state_known"
    " FROM attribution_periods ORDER BY ends_on"
)


@pytest.mark.parametrize("written", [*AS_THE_VERSION_BEFORE, "; ".join(AS_THE_VERSION_BEFORE)])
async def test_states_of_the_version_before_are_copied(
    database: Database, enrol: Enrol, business_time: BusinessTime, written: str, keyring: Keyring
) -> None:
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    async with database.begin() as session:
        paying = await enrol(session, work_declaration=TODAY)
        await enrol(session, work_declaration=TODAY)
        await take(session, payment(paying.id, "2026-11"))
        for statement in written.split("; "):
            await session.execute(text(statement))

    more = await ListingTasks(TERMS, keyring).repair(database)

    async with database.read() as session:
        rows = [tuple(row) for row in await session.execute(COPIES)]
        unpaid = await session.scalar(
            text("SELECT unpaid_months FROM members WHERE paid_through IS NOT NULL")
        )
    expected = ("2026-12", "2027-03-01", "lapsed", "2026-12 2027-01 2027-02", True)
    assert rows == [expected, (None, None, None, None, True)]
    assert (more, unpaid) == (False, "2026-12 2027-01 2027-02")
