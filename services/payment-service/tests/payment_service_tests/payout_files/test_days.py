"""The day on which a bank paid what a file named: by the row, or by the officer who uploads it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.payout_files.desk import Desk, answer_to, statuses
from payment_service_tests.payout_files.test_answer_rows import Rows, rows
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_files.rules import fill_days, list_missing_days
from payment_service.payout_files.tasks import apply_answers
from payment_service.payout_formats.rules import AnswerRow, Outcome
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.testing.plugin import BusinessTime

__all__ = ["rows"]

FIRST, SECOND = date(2025, 12, 30), date(2025, 12, 31)


def row(number: int, outcome: Outcome, executed_on: date | None) -> AnswerRow:
    return AnswerRow(number, f"a{number}", 1, outcome, None, None, executed_on)


def test_a_row_has_the_banks_day_or_else_the_officers_and_none_where_it_failed() -> None:
    stated = [
        row(2, Outcome.PAID, FIRST),
        row(3, Outcome.RETURNED, None),
        row(4, Outcome.FAILED, FIRST),
    ]

    by_officer, by_bank = fill_days(stated, SECOND), fill_days(stated, None)

    assert [each.executed_on for each in by_officer] == [FIRST, SECOND, None]
    assert [each.executed_on for each in by_bank] == [FIRST, None, None]
    assert list_missing_days(by_officer) == []
    assert [(each.row, each.field) for each in list_missing_days(by_bank)] == [(3, "executed_on")]


@pytest.fixture
async def file(desk: Desk, run_id: UUID) -> dict[str, Any]:
    return await desk.make(run_id)


async def list_booked(session: AsyncSession) -> list[tuple[str, date]]:
    found = await session.execute(
        text(
            "SELECT code, business_on FROM ledger_transfers WHERE cause_kind = 'payout_item'"
            " AND code LIKE 'incentive%' ORDER BY id"
        )
    )
    return [(code, day) for code, day in found]


async def test_each_row_is_booked_on_its_own_day(
    session: AsyncSession,
    database: Database,
    desk: Desk,
    rows: Rows,
    file: dict[str, Any],
    business_time: BusinessTime,
) -> None:
    made_on = clock.today()
    business_time.at(clock.now() + timedelta(days=9))
    content = await desk.content(file["id"])
    tomorrow, after = made_on + timedelta(days=1), made_on + timedelta(days=2)
    stated = answer_to(content, "PAID", on=f"{tomorrow}")
    stated += answer_to(content, "PAID", "PAID", on="").splitlines()[2] + "\r\n"

    answer = await desk.answer(file["id"], stated, executed_on=f"{after}")
    shown = await rows.list_all(answer)
    await desk.decide(answer)
    await apply_answers(database)

    assert [each["executed_on"] for each in shown] == [f"{tomorrow}", f"{after}"]
    assert await list_booked(session) == [("incentive_paid", tomorrow), ("incentive_paid", after)]


async def test_a_bank_that_states_no_day_needs_the_officers(
    session: AsyncSession, desk: Desk, file: dict[str, Any]
) -> None:
    content = await desk.content(file["id"])

    refused = await desk.answer(file["id"], answer_to(content, "PAID", "FAILED", on=""))
    taken = await desk.answer(
        file["id"],
        answer_to(content, "PAID", "FAILED", on=""),
        executed_on=clock.today().isoformat(),
    )

    assert refused["details"]["rows"] == [
        {"row": 2, "field": "executed_on", "problem": "day_missing"}
    ]
    assert taken["status"] == "proposed"


@pytest.mark.parametrize("days", [-1, 1])
async def test_an_officers_day_before_the_file_or_in_the_future_is_refused(
    session: AsyncSession, desk: Desk, file: dict[str, Any], run_id: UUID, days: int
) -> None:
    day = clock.today() + timedelta(days=days)

    refused = await desk.answer(
        file["id"],
        answer_to(await desk.content(file["id"]), "PAID", on=""),
        executed_on=day.isoformat(),
    )

    assert refused["code"] == "execution_day_impossible"
    assert [each["pointer"] for each in refused["errors"]] == ["/executed_on"]
    assert set(await statuses(session, run_id)) == {"sent"}


async def test_a_day_of_the_bank_that_cannot_be_is_shown_and_does_not_count(
    session: AsyncSession, database: Database, desk: Desk, rows: Rows, file: dict[str, Any]
) -> None:
    content = await desk.content(file["id"])
    early = clock.today() - timedelta(days=9)

    answer = await desk.answer(file["id"], answer_to(content, "PAID", on=f"{early}"))
    (shown,) = await rows.list_all(answer)
    await desk.decide(answer)
    await apply_answers(database)

    assert shown["executed_on"] == f"{early}"
    assert await list_booked(session) == [("incentive_paid", clock.today())]
