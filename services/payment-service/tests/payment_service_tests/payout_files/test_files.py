"""Payouts by file: made once, given out the same, answered, and settled as any other payout."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from payment_service_tests.office import PayeeBook, list_transfers
from payment_service_tests.payout_files.desk import (
    Desk,
    Officer,
    answer_to,
    count_contradictions,
    rows_of,
    statuses,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_files.tasks import apply_answers, has_answers
from payment_service.payout_settlement import service as settlements
from payment_service.payout_settlement.rules import SettlementOutcome, SettlementVerdict
from payment_service.payouts.models import Payout
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime

Faults = Callable[[AsyncSession], Awaitable[list[str]]]


async def test_a_file_is_made_once_and_given_out_the_same(
    session: AsyncSession, desk: Desk, run_id: UUID, book: PayeeBook
) -> None:
    file = await desk.make(run_id)
    again = await desk.make(run_id)
    contents = [await desk.content(file["id"]) for _ in range(2)]

    transfers = await list_transfers(session, run_id)
    assert (file["row_count"], file["file_format"], again["code"]) == (
        len(transfers),
        "generic-csv",
        "payout_file_empty",
    )
    assert file["amount"] == sum(each.amount for each in transfers)
    assert {each.status for each in transfers} == {"sent"}
    assert contents[0] == contents[1]
    written = {cells[0]: (cells[2], int(cells[4])) for cells in rows_of(contents[0])}
    payouts = {each.id: each for each in await session.scalars(select(Payout))}
    assert written == {
        each.partner_reference_no: (payouts[each.payout_id].account_no, each.amount)
        for each in transfers
    }
    reads = (await session.scalars(select(ReadAudit))).all()
    agents = {each.payee_id for each in payouts.values() if each.payee_kind == "agent"}
    assert [set(each.ids) for each in reads if each.kind.endswith("/content")] == [agents] * 2


async def test_what_the_bank_answers_settles_payouts_and_the_books_hold(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID, faults: Faults
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    wanted = ["PAID", "FAILED", "RETURNED", "PAID"]

    answer = await desk.answer(file["id"], answer_to(content, *wanted))
    before = await statuses(session, run_id)
    decided = await desk.decide(answer)
    await apply_answers(database)

    rest = file["row_count"] - 4
    (done,) = await desk.answers(file["id"])
    assert (answer["status"], decided["status"], done["status"]) == (
        "proposed",
        "confirmed",
        "done",
    )
    assert (done["row_count"], done["applied_count"], done["refused_count"]) == (4, 4, 0)
    assert set(before) == {"sent"}
    assert await statuses(session, run_id) == [
        "paid",
        "failed",
        "returned",
        "paid",
        *["unknown"] * rest,
    ]
    assert await faults(session) == []
    types = list(await session.scalars(select(EventRow.type).order_by(EventRow.id)))
    published = [each for each in types if each.startswith("payout.")]
    assert sorted(published) == [
        "payout.failed.v1",
        "payout.paid.v1",
        "payout.paid.v1",
        "payout.returned.v1",
    ]


async def test_the_worker_has_an_answer_to_apply_from_the_decision_to_its_end(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    answer = await desk.answer(file["id"], answer_to(await desk.content(file["id"]), "PAID"))
    proposed = await has_answers(session)
    await desk.decide(answer)
    confirmed = await has_answers(session)

    await apply_answers(database)

    assert (proposed, confirmed) == (False, True)
    assert not await has_answers(session)


async def test_the_same_answer_again_changes_nothing(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = answer_to(await desk.content(file["id"]), "PAID", "FAILED")
    first = await desk.answer(file["id"], content)
    early = await desk.answer(file["id"], content)
    await desk.decide(first)
    await apply_answers(database)
    changes = await count(session, "payout_transfer_changes")

    late = await desk.answer(file["id"], content)
    await apply_answers(database)

    assert early["id"] == first["id"] == late["id"]
    assert late["status"] == "done"
    assert await count(session, "payout_transfer_changes") == changes
    assert len(await desk.answers(file["id"])) == 1


async def test_a_second_answer_names_what_the_first_left_out(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "PAID")))
    await apply_answers(database)

    whole = answer_to(content, *["PAID"] * file["row_count"])
    second = await desk.answer(file["id"], whole)
    await desk.decide(second)
    await apply_answers(database)

    assert set(await statuses(session, run_id)) == {"paid"}
    assert [each["refused_count"] for each in await desk.answers(file["id"])] == [0, 0]


async def test_two_officers_settle_what_is_in_a_file_that_nobody_answers(
    session: AsyncSession, settings: Settings, desk: Desk, run_id: UUID, business_time: BusinessTime
) -> None:
    await desk.make(run_id)
    payout_id = (await list_transfers(session, run_id))[0].payout_id
    business_time.at(clock.now() + timedelta(days=4))

    made = await settlements.propose(
        session,
        payout_id,
        outcome=SettlementOutcome.FAILED,
        executed_on=None,
        evidence="Berkas tidak pernah diunggah.",
        by=new_id(),
        settings=settings,
    )
    await settlements.decide(
        session, payout_id, made.id, verdict=SettlementVerdict.APPROVED, by=new_id()
    )

    found = sorted(await statuses(session, run_id))
    assert (found[0], set(found[1:])) == ("failed", {"sent"})


async def test_what_failed_goes_into_another_file_under_another_reference(
    session: AsyncSession,
    client: httpx.AsyncClient,
    database: Database,
    desk: Desk,
    officer: Officer,
    run_id: UUID,
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "FAILED")))
    await apply_answers(database)
    (failed,) = [each for each in await list_transfers(session, run_id) if each.status == "failed"]

    tried = await client.post(f"/v1/payouts/{failed.payout_id}/retry", headers=officer())
    second = await desk.make(run_id)

    assert tried.status_code in {200, 201}, tried.text
    (cells,) = rows_of(await desk.content(second["id"]))
    assert (second["row_count"], second["amount"]) == (1, failed.amount)
    assert cells[0] != failed.partner_reference_no
    assert await desk.content(file["id"]) == content


@pytest.mark.parametrize(
    ("change", "row", "field", "problem"),
    [
        (lambda lines: [*lines, f"{new_id().hex},1,PAID,,,"], 8, "partner_reference_no",
         "unknown_reference"),
        (lambda lines: [*lines, lines[1]], 8, "partner_reference_no", "duplicate"),
        (lambda lines: [*lines[:2], f"{lines[2].split(',')[0]},1,PAID,,,", *lines[3:]], 3, "amount",
         "other_amount"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_about_the_file_is_refused_as_a_whole(
    session: AsyncSession,
    database: Database,
    desk: Desk,
    run_id: UUID,
    change: Callable[[list[str]], list[str]],
    row: int,
    field: str,
    problem: str,
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    lines = answer_to(content, *["PAID"] * 6).splitlines()

    refused = await desk.answer(file["id"], "\r\n".join(change(lines)) + "\r\n")
    await apply_answers(database)

    assert refused["code"] == "payout_answer_refused"
    assert refused["details"]["rows"] == [{"row": row, "field": field, "problem": problem}]
    assert await desk.answers(file["id"]) == []
    assert set(await statuses(session, run_id)) == {"sent"}
    account_nos = {cells[2] for cells in rows_of(content)}
    assert not [each for each in account_nos if each in str(refused)]


async def test_that_something_was_paid_is_no_news_of_what_came_back(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "RETURNED")))
    await apply_answers(database)
    before, counted = await statuses(session, run_id), count_contradictions()

    paid = await desk.answer(file["id"], answer_to(content, "PAID"))
    await desk.decide(paid)
    await apply_answers(database)

    assert await statuses(session, run_id) == before
    *_, done = await desk.answers(file["id"])
    assert (done["applied_count"], done["refused_count"]) == (1, 0)
    assert count_contradictions() == counted


async def test_an_answer_cannot_undo_what_was_paid(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "PAID")))
    await apply_answers(database)

    counted = count_contradictions()

    refused = await desk.answer(file["id"], answer_to(content, "FAILED"))
    returned = await desk.answer(file["id"], answer_to(content, "RETURNED"))
    await desk.decide(returned)
    await apply_answers(database)

    assert refused["details"]["rows"] == [
        {"row": 2, "field": "status", "problem": "status_not_possible"}
    ]
    assert count_contradictions() == counted + 1
    assert "returned" in await statuses(session, run_id)


async def test_two_people_let_an_answer_count_and_one_answer_waits_at_a_time(
    session: AsyncSession, database: Database, desk: Desk, officer: Officer, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    first = officer()
    answer = await desk.answer(file["id"], answer_to(content, "PAID"), by=first)

    own = await desk.decide(answer, by=first)
    other = await desk.answer(file["id"], answer_to(content, "FAILED"))
    rejected = await desk.decide(answer, "rejected", by=first)
    late = await desk.decide(answer)
    anew = await desk.answer(file["id"], answer_to(content, "PAID"))
    await apply_answers(database)

    assert (own["code"], other["code"]) == ("own_payout_answer", "payout_answer_open")
    assert (rejected["status"], late["code"]) == ("rejected", "payout_answer_decided")
    assert (anew["status"], anew["id"] != answer["id"]) == ("proposed", True)
    assert set(await statuses(session, run_id)) == {"sent"}


async def count(session: AsyncSession, table: str) -> int:
    found: int = (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608 - a name of this test
    return found
